"""Read every report of a data set; where it is known what the reports state, say how well they were read."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_lines, write_lines, write_table
from rsuper.config.dataset import Dataset
from rsuper.config.experiment import Extraction
from rsuper.data.sources.abdomenatlas import STATED_FILE
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import read_listed_reports
from rsuper.extraction.read import read_all
from rsuper.job import run
from rsuper.reports.accuracy import compare
from rsuper.reports.findings import ReportFindings
from rsuper.schemas import EXTRACTION_LEDGER


def main(snakemake: Any) -> None:
    """Findings from free text, a ledger row per report, and the accuracy where it can be told."""
    params, output, dataset = snakemake.params, snakemake.output, snakemake.wildcards.dataset
    origin = Origin(dataset, Path(params.root), Dataset.model_validate(params.dataset))
    reports = dict(sorted(read_listed_reports(origin).items()))
    read = read_all(reports, Extraction(**params.settings["extraction"]), Path(params.answers))
    found, ledger, lines = read.findings, read.ledger, []
    if found and (origin.root / STATED_FILE).is_file():
        known = {item.case_id for item in found}
        stated = [ReportFindings.model_validate_json(line) for line in read_lines(origin.root / STATED_FILE)]
        for target, shares in compare([each for each in stated if each.case_id in known], found).items():
            aspects = ("presence", "segments", "diameters", "count")
            values = ", ".join(f"{name} {shares[name]:.3f}" for name in aspects)
            lines.append(f"{dataset} {target}: {values} (n {shares['n_presence']:.0f})")
    write_lines(lines, Path(output.accuracy))
    ledger["case_id"] = [f"{dataset}_{case}" for case in ledger["case_id"]]
    write_table(ledger, Path(output.ledger), EXTRACTION_LEDGER)
    keyed = (item.model_copy(update={"case_id": f"{dataset}_{item.case_id}"}) for item in found)
    write_lines((item.model_dump_json() for item in keyed), Path(output.findings))


run(main, snakemake)
