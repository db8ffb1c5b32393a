"""Judge what is known about all cohorts: faults, with what the suite does about them."""

from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import read_table, write_sealed, write_table
from rsuper.config.load import load_experiment
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import audit_frame
from rsuper.data.audit.report import audit_markdown
from rsuper.data.cohort import read_findings
from rsuper.job import run
from rsuper.schemas import AUDIT, AUDIT_FACTS, COHORT


def main(snakemake: Any) -> None:
    """Run every check; write the table, and a text for reading."""
    source, output = snakemake.input, snakemake.output
    cohorts = [read_table(Path(path), COHORT) for path in source.cohorts]
    facts = [read_table(Path(path), AUDIT_FACTS) for path in source.facts]
    reports = [read_findings(Path(path)) for path in source.findings]
    known = Known(
        load_experiment(Path(snakemake.params.experiment)),
        pd.concat(cohorts, ignore_index=True),
        pd.concat(facts, ignore_index=True),
        {case: findings for part in reports for case, findings in part.items()},
    )
    frame = audit_frame(known)
    text = audit_markdown(frame, known)
    write_table(frame, Path(output.table), AUDIT)
    write_sealed(Path(output.document), lambda file: file.write_text(text, encoding="utf-8"))


run(main, snakemake)
