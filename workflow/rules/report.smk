# What a reader opens: one page that holds all tables, figures and chosen cases, and needs no network. A target of its
# own, as it asks for the audit of the data, which reads every CT, and for the report on how reports are read.


localrules:
    report,
    training,


rule training:
    input:
        RECORDS_SHOWN,
    output:
        drawn("training"),
    log:
        artifact("logs", "training.log"),
    benchmark:
        artifact("benchmarks", "training.tsv")
    params:
        experiment=experiment_file,
        runs=SHOWN_RUNS,
        shown=SHOWN,
        cards=CARDS,
        code=code("training.py"),
    message:
        announced("Drawing {output[0]}")
    script:
        "../scripts/training.py"


rule case_panels:
    input:
        COHORTS,
        PREDICTIONS_SHOWN,
        of_runs(SHOWN_RUNS, "cases", "{test_set}.csv"),
        **LEAKED,
    output:
        artifact("figures", "case_panels.jsonl"),
    log:
        artifact("logs", "case_panels.log"),
    benchmark:
        artifact("benchmarks", "case_panels.tsv")
    params:
        experiment=experiment_file,
        runs=SHOWN_RUNS,
        shown=SHOWN,
        code=code("case_panels.py"),
    message:
        announced(
            "Cutting pictures of the best and the worst cases of every row (log {log})"
        )
    script:
        "../scripts/case_panels.py"


rule report:
    input:
        **LONG_FORMS,
        table1=artifact("table1.csv"),
        table2=artifact("table2.csv"),
        table2_validation=artifact("table2_validation.csv"),
        table3=artifact("table3.csv"),
        claims=artifact("claims.csv"),
        hypotheses=artifact("hypotheses.csv"),
        paper_audit=artifact("paper_audit.csv"),
        audit=artifact("audit", "audit.csv"),
        accuracy=artifact("extraction_report", "accuracy.csv"),
        extraction=[artifact("data", dataset, "extraction.txt") for dataset in DATASETS],
        figures=[artifact("figures", f"{name}.svg") for name in FIGURES],
        panels=artifact("figures", "case_panels.jsonl"),
        records=run_records(RUNS),
    output:
        told(artifact("report.html"), "Report", "report"),
    log:
        artifact("logs", "report.log"),
    benchmark:
        artifact("benchmarks", "report.tsv")
    params:
        experiment=experiment_file,
        runs=RUNS,
        shown=EXPERIMENT.model_dump(mode="json"),
        cards=CARDS,
        code=code("report.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/report.py"
