# Figures. What needs torch is written as a CSV first; drawing takes seconds: less than a cluster needs to start a job.


localrules:
    figures,
    figure1,
    figure3,
    figure4,
    curve,
    extraction_errors,
    landing,


# Runs that note where the tumors of their reports land.
LANDED_RUNS = landed_runs(RUNS, EXPERIMENT)
LANDED_RECORDS = run_records(LANDED_RUNS)
# Runs whose findings have extraction errors made on purpose.
ERROR_RUNS = or_stop(lambda: error_runs(RUNS, EXPERIMENT, list(available().values())))
# A curve over budgets takes more than one of them; `snakemake curve` draws it in any case.
FIGURES = [
    "figure1",
    "figure3",
    "figure4",
    *(["curve"] if len(EXPERIMENT.budgets) > 1 else []),
    "roc",
    "overlays",
    "training",
    *(["landing"] if LANDED_RUNS else []),
    *(["extraction_errors"] if ERROR_RUNS else []),
]
# Overlays show one seed of every method.
SHOWN_RUNS = shown_runs(RUNS, EXPERIMENT)
RECORDS_SHOWN = run_records(SHOWN_RUNS)
PREDICTIONS_SHOWN = of_runs(SHOWN_RUNS, "predictions", "{test_set}", "predictions.csv")


rule figures:
    input:
        [drawings(name) for name in FIGURES],


rule volume_loss:
    output:
        artifact("figures", "volume_loss.csv"),
    log:
        artifact("logs", "volume_loss.log"),
    benchmark:
        artifact("benchmarks", "volume_loss.tsv")
    params:
        code=code("volume_loss.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/volume_loss.py"


rule figure1:
    input:
        points=artifact("figures", "volume_loss.csv"),
    output:
        drawn("figure1"),
    log:
        artifact("logs", "figure1.log"),
    benchmark:
        artifact("benchmarks", "figure1.tsv")
    params:
        code=code("figure1.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/figure1.py"


rule sizes:
    input:
        cohort=artifact("data", "{dataset}", "cohort.csv"),
        volumes=artifact("data", "{dataset}", "volumes.csv"),
        findings=artifact("data", "{dataset}", "findings.jsonl"),
    output:
        artifact("data", "{dataset}", "sizes.csv"),
    log:
        artifact("logs", "sizes", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "sizes", "{dataset}.tsv")
    resources:
        mem_mb=memory("sizes"),
        runtime=minutes("sizes"),
    params:
        settings=section("targets"),
        code=code("sizes.py"),
    message:
        announced("Measuring the tumors of {wildcards.dataset} (log {log})")
    script:
        "../scripts/sizes.py"


rule figure3:
    input:
        cohorts=[artifact("data", dataset, "cohort.csv") for dataset in DATASETS],
        sizes=[artifact("data", dataset, "sizes.csv") for dataset in DATASETS],
    output:
        drawn("figure3"),
    log:
        artifact("logs", "figure3.log"),
    benchmark:
        artifact("benchmarks", "figure3.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN | section("roles"),
        code=code("figure3.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/figure3.py"


rule figure4:
    input:
        **LONG_FORMS,
    output:
        drawn("figure4"),
    log:
        artifact("logs", "figure4.log"),
    benchmark:
        artifact("benchmarks", "figure4.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("figure4.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/figure4.py"


rule curve:
    input:
        **LONG_FORMS,
    output:
        drawn("curve"),
        table=artifact("figures", "curve.csv"),
    log:
        artifact("logs", "curve.log"),
    benchmark:
        artifact("benchmarks", "curve.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("curve.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/curve.py"


rule extraction_errors:
    input:
        **LONG_FORMS,
    output:
        drawn("extraction_errors"),
        table=artifact("figures", "extraction_errors.csv"),
    log:
        artifact("logs", "extraction_errors.log"),
    benchmark:
        artifact("benchmarks", "extraction_errors.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("extraction_errors.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/extraction_errors.py"


rule roc:
    input:
        of_runs(RUNS, "cases", "{test_set}.csv"),
        **LEAKED,
        metrics=artifact("metrics.csv"),
    output:
        drawn("roc"),
    log:
        artifact("logs", "roc.log"),
    benchmark:
        artifact("benchmarks", "roc.tsv")
    params:
        experiment=experiment_file,
        runs=RUNS,
        shown=SHOWN,
        cards=CARDS,
        code=code("roc.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/roc.py"


rule overlay_balls:
    input:
        COHORTS,
        PREDICTIONS_SHOWN,
        of_runs(SHOWN_RUNS, "cases", "{test_set}.csv"),
        **LEAKED,
    output:
        artifact("figures", "overlay_balls.csv"),
    log:
        artifact("logs", "overlay_balls.log"),
    benchmark:
        artifact("benchmarks", "overlay_balls.tsv")
    params:
        experiment=experiment_file,
        runs=SHOWN_RUNS,
        shown=SHOWN,
        code=code("overlay_balls.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/overlay_balls.py"


rule overlays:
    input:
        COHORTS,
        PREDICTIONS_SHOWN,
        balls=artifact("figures", "overlay_balls.csv"),
    output:
        drawn("overlays"),
    log:
        artifact("logs", "overlays.log"),
    benchmark:
        artifact("benchmarks", "overlays.tsv")
    params:
        experiment=experiment_file,
        runs=SHOWN_RUNS,
        shown=SHOWN,
        cards=CARDS,
        code=code("overlays.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/overlays.py"


rule landing_shares:
    input:
        COHORTS,
        LANDED_RECORDS,
    output:
        artifact("figures", "landing.csv"),
    log:
        artifact("logs", "landing_shares.log"),
    benchmark:
        artifact("benchmarks", "landing_shares.tsv")
    params:
        experiment=experiment_file,
        runs=LANDED_RUNS,
        code=code("landing_shares.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/landing_shares.py"


rule landing:
    input:
        LANDED_RECORDS,
        table=artifact("figures", "landing.csv"),
    output:
        drawn("landing"),
    log:
        artifact("logs", "landing.log"),
    benchmark:
        artifact("benchmarks", "landing.tsv")
    params:
        experiment=experiment_file,
        runs=LANDED_RUNS,
        shown=SHOWN | section("schedule"),
        cards=CARDS,
        code=code("landing.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/landing.py"
