"""Read every report of a data set; where it is known what the reports state, say how well they were read."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_lines, write_lines
from rsuper.data.sources.abdomenatlas import STATED_FILE, read_reports
from rsuper.job import run
from rsuper.reports.accuracy import compare
from rsuper.reports.extract import extract
from rsuper.reports.findings import ReportFindings


def main(snakemake: Any) -> None:
    """Extract findings from free text, one JSON line per report, and their accuracy where it can be told."""
    root, dataset = Path(snakemake.params.root), snakemake.wildcards.dataset
    reports = read_reports(root, snakemake.params.reports)
    found = [extract(case, text) for case, text in sorted(reports.items())]
    lines = []
    if found and (root / STATED_FILE).is_file():
        stated = [ReportFindings.model_validate_json(line) for line in read_lines(root / STATED_FILE)]
        for target, shares in compare(stated, found).items():
            aspects = ", ".join(
                f"{name} {shares[name]:.3f}" for name in ("presence", "segments", "diameters", "count")
            )
            lines.append(f"{dataset} {target}: {aspects} (n {shares['n_presence']:.0f})")
    write_lines(lines, Path(snakemake.output.accuracy))
    keyed = (item.model_copy(update={"case_id": f"{dataset}_{item.case_id}"}) for item in found)
    write_lines((item.model_dump_json() for item in keyed), Path(snakemake.output.findings))


run(main, snakemake)
