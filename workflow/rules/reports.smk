# Free text to findings, with the accuracy of the extraction where the truth is known.


rule findings:
    input:
        reports_of,
    output:
        findings=artifact("data", "{dataset}", "findings.jsonl"),
        accuracy=artifact("data", "{dataset}", "extraction.txt"),
    log:
        artifact("logs", "findings", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "findings", "{dataset}.tsv")
    params:
        root=lambda wildcards: str(raw_root(wildcards.dataset)),
        reports=lambda wildcards: EXPERIMENT.datasets[wildcards.dataset].reports,
        code=code("findings.py"),
    script:
        "../scripts/findings.py"
