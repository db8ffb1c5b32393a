# Before anything is trained: is the data what it seems to be? A target of its own, which no other rule needs:
# docs/data_audit.md. What is found is kept where the audit stops, so that it can be read: a job of its own stops.


rule audit_facts:
    input:
        artifact("data", "{dataset}", "cohort.csv"),
    output:
        artifact("audit", "facts", "{dataset}.csv"),
    log:
        artifact("logs", "audit_facts", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "audit_facts", "{dataset}.tsv")
    threads: 4  # each holds one volume in memory
    resources:
        mem_mb=memory("audit_facts"),
        runtime=minutes("audit_facts"),
    params:
        code=code("audit_facts.py"),
    message:
        announced("Measuring the CTs and masks of {wildcards.dataset} (log {log})")
    script:
        "../scripts/audit_facts.py"


rule audit_findings:
    input:
        cohorts=expand(artifact("data", "{dataset}", "cohort.csv"), dataset=DATASETS),
        findings=expand(
            artifact("data", "{dataset}", "findings.jsonl"), dataset=DATASETS
        ),
        facts=expand(artifact("audit", "facts", "{dataset}.csv"), dataset=DATASETS),
    output:
        table=artifact("audit", "audit.csv"),
        document=artifact("audit", "audit.md"),
    log:
        artifact("logs", "audit_findings.log"),
    benchmark:
        artifact("benchmarks", "audit_findings.tsv")
    params:
        experiment=experiment_file,
        settings=section("name", "datasets", "roles", "test_sets", "leaked_patients"),
        code=code("audit_findings.py"),
    message:
        announced("Auditing the data (log {log})")
    script:
        "../scripts/audit_findings.py"


rule audit:
    input:
        table=artifact("audit", "audit.csv"),
        document=artifact("audit", "audit.md"),
    output:
        artifact("audit", "passed.txt"),
    log:
        artifact("logs", "audit.log"),
    benchmark:
        artifact("benchmarks", "audit.tsv")
    params:
        code=code("audit.py"),
    script:
        "../scripts/audit.py"
