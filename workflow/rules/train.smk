# One run = one method at one budget and seed: fit, then probability maps of every test set.

COHORTS = expand(
    artifact("data", "{dataset}", "{file}"),
    dataset=DATASETS,
    file=["cohort.csv", "volumes.csv", "findings.jsonl"],
)
TRAINING_SECTIONS = [
    "targets",
    "preprocess",
    "network",
    "schedule",
    "roles",
    "validation",
    "data_seed",
]


rule fit:
    input:
        COHORTS,
        upstream,
        report_vectors,
    output:
        artifact("runs", "{budget}", "{method}", "seed-{seed}", "run.json"),
    log:
        artifact("logs", "fit", "{budget}", "{method}", "seed-{seed}.log"),
    benchmark:
        artifact("benchmarks", "fit", "{budget}", "{method}", "seed-{seed}.tsv")
    priority: 10  # the longest chains start first
    resources:
        gpu=gpus,
        mem_mb=memory("fit"),
        runtime=minutes("fit"),
    params:
        experiment=experiment_file,
        settings=section(*TRAINING_SECTIONS),
        engine=ENGINE,
        budget=lambda wildcards: EXPERIMENT.budgets[wildcards.budget].model_dump(
            exclude={"methods", "controls"}
        ),
        values=lambda wildcards: EXPERIMENT.methods.get(
            wildcards.method.partition("-")[0], {}
        ),
        method=lambda wildcards: or_stop(METHODS[wildcards.method].fingerprint),
        code=code("fit.py"),
    message:
        announced(
            "Training {wildcards.method} at budget {wildcards.budget}, seed {wildcards.seed} (log {log})"
        )
    script:
        "../scripts/fit.py"


rule predict:
    input:
        COHORTS,
        report_vectors,
        artifact("runs", "{budget}", "{method}", "seed-{seed}", "run.json"),
    output:
        expand(
            artifact(
                "runs",
                "{{budget}}",
                "{{method}}",
                "seed-{{seed}}",
                "predictions",
                "{test_set}",
                "predictions.csv",
            ),
            test_set=TEST_SETS,
        ),
    log:
        artifact("logs", "predict", "{budget}", "{method}", "seed-{seed}.log"),
    benchmark:
        artifact("benchmarks", "predict", "{budget}", "{method}", "seed-{seed}.tsv")
    resources:
        gpu=gpus,
        mem_mb=memory("predict"),
        runtime=minutes("predict"),
    params:
        experiment=experiment_file,
        settings=section("predict", "test_sets"),
        engine=ENGINE,
        excluded=EXPERIMENT.leaked_patients == "exclude",
        code=code("predict.py"),
    message:
        announced(
            "Predicting with {wildcards.method} at budget {wildcards.budget}, seed {wildcards.seed} (log {log})"
        )
    script:
        "../scripts/predict.py"
