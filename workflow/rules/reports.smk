# Free text to findings, with the accuracy of the extraction where the truth is known; to vectors, for methods that
# read text; and how well the readers of an experiment read reports that they were not written on.

from rsuper.extraction_report.real_sets import real_report_files


rule findings:
    input:
        lambda wildcards: reports_in(wildcards.dataset),
        EXPERIMENT.extraction.table or [],
    output:
        findings=artifact("data", "{dataset}", "findings.jsonl"),
        accuracy=artifact("data", "{dataset}", "extraction.txt"),
        ledger=artifact("data", "{dataset}", "extraction.csv"),
    log:
        artifact("logs", "findings", "{dataset}.log"),
    benchmark:
        artifact("benchmarks", "findings", "{dataset}.tsv")
    params:
        root=lambda wildcards: str(raw_root(wildcards.dataset)),
        dataset=lambda wildcards: dataset_settings(wildcards.dataset),
        settings=section("extraction"),
        answers=lambda wildcards: str(LAYOUT.answers(wildcards.dataset)),
        code=lambda wildcards: code("findings.py", wildcards.dataset),
    message:
        announced("Reading the reports of {wildcards.dataset} (log {log})")
    script:
        "../scripts/findings.py"


rule report_vectors:
    input:
        [reports_in(dataset) for dataset in DATASETS],
        expand(
            artifact("data", "{dataset}", "{file}"),
            dataset=DATASETS,
            file=["cohort.csv", "findings.jsonl"],
        ),
        EXPERIMENT.report_vectors.table or [],
    output:
        artifact("report_vectors", "{budget}", "seed-{seed}.csv"),
    log:
        artifact("logs", "report_vectors", "{budget}", "seed-{seed}.log"),
    benchmark:
        artifact("benchmarks", "report_vectors", "{budget}", "seed-{seed}.tsv")
    params:
        experiment=experiment_file,
        settings=section("report_vectors", "roles", "validation", "data_seed"),
        reports=lambda wildcards: EXPERIMENT.budgets[wildcards.budget].reports,
        code=code("report_vectors.py"),
    message:
        announced(
            "Turning reports into vectors at budget {wildcards.budget}, seed {wildcards.seed} (log {log})"
        )
    script:
        "../scripts/report_vectors.py"


# Needs no other rule. Real reports take part where the folder of real data is; answers of a model are kept.
rule extraction_report:
    input:
        real_report_files(),
    output:
        accuracy=artifact("extraction_report", "accuracy.csv"),
        document=artifact("extraction_report", "accuracy.md"),
        disagreements=artifact("extraction_report", "disagreements.csv"),
        ledger=(
            [artifact("extraction_report", "ledger.csv")]
            if EXPERIMENT.extraction.extractor == "llm"
            else []
        ),
    log:
        artifact("logs", "extraction_report.log"),
    benchmark:
        artifact("benchmarks", "extraction_report.tsv")
    params:
        settings=section("extraction", "extraction_report"),
        answers=artifact("extraction_report", "answers.sqlite"),
        code=code("extraction_report.py"),
    message:
        announced("Scoring the readers of reports (log {log})")
    script:
        "../scripts/extraction_report.py"
