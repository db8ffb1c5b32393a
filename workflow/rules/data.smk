# Cohorts on disk: made by a rule or lying in a folder, listed with what is known about each case, and stored.


if any(settings.source == "phantom" for settings in EXPERIMENT.datasets.values()):

    rule phantom:
        output:
            metadata=artifact("raw", "{dataset}", "metadata.csv"),
            reports=artifact("raw", "{dataset}", "reports.csv"),
        log:
            artifact("logs", "phantom", "{dataset}.log"),
        benchmark:
            artifact("benchmarks", "phantom", "{dataset}.tsv")
        params:
            spec=section("phantom", "data_seed"),
            code=code("phantom.py"),
        script:
            "../scripts/phantom.py"


if any(settings.source == "real_anatomy" for settings in EXPERIMENT.datasets.values()):

    rule real_anatomy:
        output:
            metadata=artifact("raw", "{dataset}", "metadata.csv"),
            reports=artifact("raw", "{dataset}", "reports.csv"),
        log:
            artifact("logs", "real_anatomy", "{dataset}.log"),
        benchmark:
            artifact("benchmarks", "real_anatomy", "{dataset}.tsv")
        params:
            spec=section("real_anatomy", "data_seed"),
            code=code("real_anatomy.py"),
        script:
            "../scripts/real_anatomy.py"


rule cohort:
    input:
        tables=lambda wildcards: tables_of(wildcards.dataset),
        findings=artifact("data", "{dataset}", "findings.jsonl"),
    output:
        artifact("data", "{dataset}", "cohort.csv"),
    log:
        artifact("logs", "cohort", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "cohort", "{dataset}.tsv")
    resources:
        mem_mb=memory("cohort"),
        runtime=minutes("cohort"),
    params:
        root=lambda wildcards: str(raw_root(wildcards.dataset)),
        dataset=lambda wildcards: dataset_settings(wildcards.dataset),
        mask_role=EXPERIMENT.roles["mask_train"],
        code=lambda wildcards: code("cohort.py", adapter_of(wildcards.dataset)),
    script:
        "../scripts/cohort.py"


rule preprocess:
    input:
        artifact("data", "{dataset}", "cohort.csv"),
    output:
        artifact("data", "{dataset}", "volumes.csv"),
    log:
        artifact("logs", "preprocess", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "preprocess", "{dataset}.tsv")
    resources:
        mem_mb=memory("preprocess"),
        runtime=minutes("preprocess"),
    params:
        settings=section("preprocess"),
        mask_role=EXPERIMENT.roles["mask_train"],
        strict=lambda wildcards: named_by_hand(origin(wildcards.dataset).settings),
        code=code("preprocess.py"),
    script:
        "../scripts/preprocess.py"
