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
        message:
            announced("Making the CTs and reports of {wildcards.dataset} (log {log})")
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
        message:
            announced("Rendering the CTs of {wildcards.dataset} (log {log})")
        script:
            "../scripts/real_anatomy.py"


SEGMENTED = [
    name for name, settings in EXPERIMENT.datasets.items() if settings.segment_organs
]
if SEGMENTED:

    # Masks of a case are kept in the folder `organs` beside the table: a case that came out is not run again.
    rule organs:
        input:
            lambda wildcards: tables_of(wildcards.dataset),
        output:
            artifact("data", "{dataset}", "organs.csv"),
        log:
            artifact("logs", "organs", "{dataset}.log"),
        benchmark:
            artifact("benchmarks", "organs", "{dataset}.tsv")
        wildcard_constraints:
            dataset="|".join(SEGMENTED),
        threads: 4
        resources:
            gpu=organ_gpus,
        params:
            root=lambda wildcards: str(raw_root(wildcards.dataset)),
            dataset=lambda wildcards: dataset_settings(wildcards.dataset),
            settings=section("organ_segmenter"),
            code=lambda wildcards: code("organs.py", wildcards.dataset),
        message:
            announced("Segmenting organs of {wildcards.dataset} (log {log})")
        script:
            "../scripts/organs.py"


rule cohort:
    input:
        tables=lambda wildcards: tables_of(wildcards.dataset),
        organs=lambda wildcards: organs_of(wildcards.dataset),
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
        code=lambda wildcards: code("cohort.py", wildcards.dataset),
    message:
        announced("Listing the cases of {wildcards.dataset} (log {log})")
    script:
        "../scripts/cohort.py"


rule preprocess_shard:
    input:
        artifact("data", "{dataset}", "cohort.csv"),
    output:
        artifact("data", "{dataset}", "shards", "{shard}_of_{shards}.jsonl"),
    log:
        artifact("logs", "preprocess", "{dataset}_{shard}_of_{shards}.log"),
    benchmark:
        artifact("benchmarks", "preprocess", "{dataset}_{shard}_of_{shards}.tsv")
    resources:
        mem_mb=memory("preprocess"),
        runtime=minutes("preprocess"),
    params:
        settings=section("preprocess"),
        mask_role=EXPERIMENT.roles["mask_train"],
        strict=lambda wildcards: named_by_hand(origin(wildcards.dataset).settings),
        code=code("preprocess_shard.py"),
    message:
        announced(
            "Storing the CTs of {wildcards.dataset}, shard {wildcards.shard} of {wildcards.shards} (log {log})"
        )
    script:
        "../scripts/preprocess_shard.py"


rule preprocess:
    input:
        cohort=artifact("data", "{dataset}", "cohort.csv"),
        shards=lambda wildcards: shards_of(wildcards.dataset),
    output:
        artifact("data", "{dataset}", "volumes.csv"),
    log:
        artifact("logs", "preprocess", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "preprocess", "{dataset}.tsv")
    params:
        settings=section("preprocess"),
        mask_role=EXPERIMENT.roles["mask_train"],
        code=code("preprocess.py"),
    message:
        announced("Gathering the store of {wildcards.dataset} (log {log})")
    script:
        "../scripts/preprocess.py"
