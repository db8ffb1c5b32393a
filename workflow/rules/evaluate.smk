# From probability maps to per-case scores, metrics and tests. No torch from here on.


# Patients who are in training and in a test set: named, and left out of every table but a twin where asked for.
LEAKED = (
    {"leaked": artifact("leaked.csv")} if EXPERIMENT.leaked_patients != "stop" else {}
)
LEAKED_FORMS = (
    {
        "leaked_metrics": artifact("with_leaked", "metrics.csv"),
        "leaked_comparisons": artifact("with_leaked", "comparisons.csv"),
    }
    if EXPERIMENT.leaked_patients == "with_and_without"
    else {}
)


rule cases:
    input:
        COHORTS,
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
    output:
        expand(
            artifact(
                "runs",
                "{{budget}}",
                "{{method}}",
                "seed-{{seed}}",
                "cases",
                "{test_set}.csv",
            ),
            test_set=TEST_SETS,
        ),
    log:
        artifact("logs", "cases", "{budget}", "{method}", "seed-{seed}.log"),
    benchmark:
        artifact("benchmarks", "cases", "{budget}", "{method}", "seed-{seed}.tsv")
    resources:
        mem_mb=memory("cases"),
        runtime=minutes("cases"),
    params:
        experiment=experiment_file,
        settings=section("evaluation"),
        excluded=EXPERIMENT.leaked_patients == "exclude",
        code=code("cases.py"),
    message:
        announced(
            "Scoring {wildcards.method} at budget {wildcards.budget}, seed {wildcards.seed} (log {log})"
        )
    script:
        "../scripts/cases.py"


rule metrics:
    input:
        COHORTS,
        cases=[
            artifact(
                "runs", budget, method, f"seed-{seed}", "cases", f"{test_set}.csv"
            )
            for budget, method, seed in RUNS
            for test_set in TEST_SETS
        ],
    output:
        **LEAKED,
        **LEAKED_FORMS,
        metrics=artifact("metrics.csv"),
        comparisons=artifact("comparisons.csv"),
        supervision=artifact("supervision.json"),
        failed=told(artifact("failed_runs.csv"), "Tables", "failed_runs"),
    log:
        artifact("logs", "metrics.log"),
    benchmark:
        artifact("benchmarks", "metrics.tsv")
    resources:
        mem_mb=memory("metrics"),
        runtime=minutes("metrics"),
    params:
        experiment=experiment_file,
        runs=RUNS,
        test_sets=TEST_SETS,
        settings=section("evaluation", "budgets", "controls", "leaked_patients"),
        code=code("metrics.py"),
    message:
        announced("Computing metrics, intervals and tests of all rows (log {log})")
    script:
        "../scripts/metrics.py"
