"""Read every report of a data set; where it is known what the reports state, say how well they were read."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import write_lines
from rsuper.data.sources.abdomenatlas import read_reports
from rsuper.job import run
from rsuper.reports.extract import extract


def main(snakemake: Any) -> None:
    """Extract findings from free text, one JSON line per report."""
    root, dataset = Path(snakemake.params.root), snakemake.wildcards.dataset
    reports = read_reports(root, snakemake.params.reports)
    found = [extract(f"{dataset}_{case}", text) for case, text in sorted(reports.items())]
    write_lines((findings.model_dump_json() for findings in found), Path(snakemake.output[0]))


run(main, snakemake)
