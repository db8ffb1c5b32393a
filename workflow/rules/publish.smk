# What the reader opens. Every rule here reads the long forms alone and takes a second: less than a cluster needs to
# start a job.


localrules:
    table1,
    table2,
    table3,
    claims,
    hypotheses,
    paper_audit,


LONG_FORMS = {
    "metrics": artifact("metrics.csv"),
    "comparisons": artifact("comparisons.csv"),
    "supervision": artifact("supervision.json"),
    "failed": artifact("failed_runs.csv"),
    **LEAKED,
}
SHOWN = section(
    "name",
    "data_note",
    "targets",
    "test_sets",
    "budgets",
    "controls",
    "evaluation",
    "network",
    "hypotheses",
)


rule table1:
    output:
        table=told(artifact("table1.csv"), "Tables", "table1"),
        twins=[artifact("table1.md"), artifact("table1.tex")],
    log:
        artifact("logs", "table1.log"),
    benchmark:
        artifact("benchmarks", "table1.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("table1.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/table1.py"


TABLES2 = {
    "table": artifact("table2.csv"),
    "validation": artifact("table2_validation.csv"),
    **({"with_leaked": artifact("table2_with_leaked.csv")} if LEAKED_FORMS else {}),
}


rule table2:
    input:
        **LONG_FORMS,
        **LEAKED_FORMS,
    output:
        **{
            name: told(table, "Tables", Path(table).stem)
            for name, table in TABLES2.items()
        },
        twins=[
            str(Path(table).with_suffix(kind))
            for table in TABLES2.values()
            for kind in [".md", ".tex"]
        ],
    log:
        artifact("logs", "table2.log"),
    benchmark:
        artifact("benchmarks", "table2.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("table2.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/table2.py"


rule table3:
    input:
        **LONG_FORMS,
    output:
        table=told(artifact("table3.csv"), "Tables", "table3"),
        twins=[artifact("table3.md"), artifact("table3.tex")],
    log:
        artifact("logs", "table3.log"),
    benchmark:
        artifact("benchmarks", "table3.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("table3.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/table3.py"


rule claims:
    input:
        **LONG_FORMS,
    output:
        table=told(artifact("claims.csv"), "Tables", "claims"),
        twins=[artifact("claims.md"), artifact("claims.tex")],
    log:
        artifact("logs", "claims.log"),
    benchmark:
        artifact("benchmarks", "claims.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        cards=CARDS,
        code=code("claims.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/claims.py"


rule hypotheses:
    input:
        **LONG_FORMS,
    output:
        table=told(artifact("hypotheses.csv"), "Tables", "hypotheses"),
        twins=[artifact("hypotheses.md"), artifact("hypotheses.tex")],
    log:
        artifact("logs", "hypotheses.log"),
    benchmark:
        artifact("benchmarks", "hypotheses.tsv")
    params:
        experiment=experiment_file,
        shown=SHOWN,
        code=code("hypotheses.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/hypotheses.py"


# The published values are shipped with the package: this needs no run.
rule paper_audit:
    output:
        table=told(artifact("paper_audit.csv"), "Tables", "paper_audit"),
        twins=[artifact("paper_audit.md"), artifact("paper_audit.tex")],
        reference=artifact("paper_reference.csv"),
    log:
        artifact("logs", "paper_audit.log"),
    benchmark:
        artifact("benchmarks", "paper_audit.tsv")
    params:
        code=code("paper_audit.py"),
    message:
        announced("Writing {output[0]}")
    script:
        "../scripts/paper_audit.py"
