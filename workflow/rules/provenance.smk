# What made every file of the results: docs/provenance.md. A target of its own, which no other rule needs. It has no
# output that Snakemake knows of (nor a benchmark, which is one), so that it always runs: it lists whatever is there,
# the audit's files for example.


rule provenance:
    input:
        rules.all.input,
    log:
        artifact("logs", "provenance.log"),
    params:
        experiment=experiment_file,
    script:
        "../scripts/provenance.py"
