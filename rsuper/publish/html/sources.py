"""What the report is made from: the files that other rules wrote, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.artifacts import Layout, read_lines, read_table
from rsuper.errors import ArtifactError
from rsuper.files import require_whole
from rsuper.methods import Card, available
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.html.cost import read_records
from rsuper.publish.inputs import Inputs
from rsuper.schemas import AUDIT, PAPER_AUDIT

# Columns of text that may be blank in every row: nothing in them tells that they hold text.
_TEXT = ("failed_seeds", "failed_runs", "compared_with", "differs_from_paper", "why", "network", "data_note")
TABLES = ("table1", "table2", "table2_validation", "table3", "claims", "hypotheses", "accuracy")


@dataclass(frozen=True)
class Sources:
    """Everything that the page shows."""

    inputs: Inputs
    experiment_file: Path
    root: Path  # of the results
    tables: Mapping[str, pd.DataFrame]  # of TABLES, as published
    audit: pd.DataFrame
    paper: pd.DataFrame
    extraction: Sequence[str]  # accuracy on the experiment's own reports, a line per data set with truth
    figures: Sequence[Path]  # the .svg files
    panels: Sequence[str]  # lines of case_panels.jsonl
    methods: Sequence[Card]  # of the folders that were run, in the experiment's order
    records: Mapping[Run, Mapping[str, Any]]  # run.json of every run with a row

    @classmethod
    def read(
        cls,
        experiment_file: Path,
        layout: Layout,
        runs: Sequence[Run],
        files: Mapping[str, Any],
        leaked: Path | None,
    ) -> "Sources":
        """Read all files.

        Args:
            experiment_file: of the experiment.
            layout: where its runs lie.
            runs: with a row.
            files: paths by name: the four long forms, TABLES, audit, paper_audit, panels; lists of paths:
                figures, extraction.
            leaked: table of test cases of patients who are in training too, where there is one.

        Raises:
            ArtifactError: a file is missing, damaged, or not what it should be.
        """
        metrics, comparisons, supervision, failed = (
            Path(files[name]) for name in ("metrics", "comparisons", "supervision", "failed")
        )
        return cls(
            inputs=Inputs.read(experiment_file, metrics, comparisons, supervision, failed, leaked),
            experiment_file=experiment_file,
            root=layout.root,
            tables={name: published(Path(files[name])) for name in TABLES},
            audit=read_table(Path(files["audit"]), AUDIT),
            paper=read_table(Path(files["paper_audit"]), PAPER_AUDIT),
            extraction=[text for path in files["extraction"] for text in _text(Path(path))],
            figures=[Path(path) for path in files["figures"]],
            panels=list(read_lines(Path(files["panels"]))),
            methods=_cards_of(runs),
            records=read_records(layout, runs),
        )


def _cards_of(runs: Sequence[Run]) -> list[Card]:
    known, folders = available(), dict.fromkeys(method.partition("-")[0] for _, method, _ in runs)
    return [known[folder] for folder in folders if folder in known]


def _text(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def published(path: Path) -> pd.DataFrame:
    """Read a published table: numbers where a column has nothing else, else text with blanks."""
    require_whole(path)
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: not readable as CSV: {error}") from None
    text = [str(name) for name in frame if name in _TEXT or not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: frame[name].astype(object).fillna("") for name in text})
