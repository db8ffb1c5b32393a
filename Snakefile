# From CTs, masks and reports to the paper's tables. WHAT runs is one experiment file (config/), HOW it runs is a
# profile (profiles/). `snakemake --cores all results/table2.csv` runs the default experiment.
#
#     snakemake --config experiment=config/real_anatomy.yaml table2

from snakemake.utils import min_version

from rsuper import session

min_version("9.27")


# Ignored without --sdm: a site that runs in containers makes an image by its recipe (docs/cluster.md) and names it.
containerized: config.get("container", "docker://python:3.11-slim")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/reports.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.table1.output,
        rules.table2.output,
        rules.table3.output,
        rules.figures.input,
        rules.claims.output,
        rules.hypotheses.output,
        rules.paper_audit.output,


include: "workflow/rules/provenance.smk"


onstart:
    if not workflow.local_exec:
        session.begin()


onsuccess:
    session.end()
    print(summary())


onerror:
    session.end()
    print(AFTER_FAILURE, file=sys.stderr)
