"""Every file that passes between two rules: where it lies, its columns, how it is written and read.

A file is written under a temporary name and renamed, so that its existence means it is complete. A reader
checks the columns and names the first bad row.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rsuper.errors import ArtifactError
from rsuper.files import read_json as read_json
from rsuper.files import read_lines as read_lines
from rsuper.files import require_whole as require_whole
from rsuper.files import write_atomically as write_atomically
from rsuper.files import write_json as write_json
from rsuper.files import write_lines as write_lines
from rsuper.files import write_sealed as write_sealed
from rsuper.schemas import COUNT, FLAG, METADATA, NUMBER, REPORTS, TEXT, Table

SEALED: tuple[str, ...] = ("figures", "with_leaked", "raw/*", "data/*", "report_vectors/*", "runs/*/*/*")
SEALED += ("runs/*/*/*/cases", "runs/*/*/*/predictions/*", "runs/*/*/*/model", "runs/*/*/*/model/*")
BY_HAND = (METADATA, REPORTS)  # tables that users write, and may change

# --------------------------------------------------------------------------------------------- tables


def write_table(frame: pd.DataFrame, path: Path, table: Table) -> None:
    """Write a table after checking that it has the columns its readers expect.

    Raises:
        ArtifactError: a column is missing.
    """
    _require_columns(frame, path, table)
    order = list(table.columns) + [name for name in frame.columns if name not in table.columns]
    write = write_atomically if table in BY_HAND else write_sealed
    write(path, lambda temporary: frame[order].to_csv(temporary, index=False))


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a table and give every column its type; blank text cells become "".

    Raises:
        ArtifactError: the file or a column is missing, the file is damaged, or a cell is not what its column
            holds (with its row).
    """
    require_whole(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file; make it with `snakemake {path}`") from None
    except pd.errors.EmptyDataError:
        raise ArtifactError(f"{path}: the file is empty; expected columns {list(table.columns)}") from None
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise ArtifactError(f"{path}: not readable as CSV in UTF-8: {str(error).strip()}") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would take the first cells as row names
        raise ArtifactError(f"{path}: not readable as CSV: rows have more cells than the header")
    _require_columns(frame, path, table)
    if table in BY_HAND:
        short = short_row(path)
        if short:
            raise ArtifactError(f"{path}: {short}")
    typed = {
        name: _typed(frame[name], table.columns.get(name, _extra_kind(name)), path) for name in frame.columns
    }
    return pd.DataFrame(typed, index=frame.index)


def short_row(path: Path) -> str:
    """Name the first row of a CSV file that ends before its header does; blank where there is none.

    pandas takes the cells that are missing for blank ones: a row that was cut off would lose them silently.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows, number = csv.reader(stream), 1
        try:
            width = len(next(rows, []))
            for number, row in enumerate(rows, start=2):
                if len(row) < width and any(cell.strip() for cell in row):
                    return (
                        f"row {number} ({row[0]}): {len(row)} cells, but the header has {width}; give every "
                        "row all cells, blank or not"
                    )
        except csv.Error as error:
            return f"not readable as CSV after row {number}: {error}; is a quote left open?"
    return ""


def _extra_kind(name: str) -> str:
    return NUMBER if name.startswith("nsd_") else TEXT


def _typed(column: pd.Series, kind: str, path: Path) -> pd.Series:
    if kind == TEXT:
        return column
    if kind == FLAG:
        known = {"True": True, "False": False, "true": True, "false": False, "1": True, "0": False}
        bad = ~column.isin(list(known))
        typed = column.map(known)
    else:
        typed = pd.to_numeric(column.where(column != "", None), errors="coerce")
        bad = typed.isna() & ~column.str.lower().isin(["", "nan"])
        if kind == COUNT:  # has no blank and no fraction
            bad = typed.isna() | (typed % 1 != 0)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise ArtifactError(
            f"{path}: row {row + 2}, column '{column.name}': expected a {kind}, got {column.iloc[row]!r}"
        )
    if kind == FLAG:
        return typed.astype(bool)
    return typed.astype("float64") if kind == NUMBER else typed.astype("int64")


def _require_columns(frame: pd.DataFrame, path: Path, table: Table) -> None:
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise ArtifactError(
            f"{path}: not a {table.name}: column(s) {missing} missing; found {list(frame.columns)}"
        )


# ---------------------------------------------------------------------------------------------- layout


@dataclass(frozen=True)
class Layout:
    """Where the artifacts of one experiment lie. The default experiment owns the root of `results`."""

    root: Path

    @classmethod
    def of(cls, experiment: str, results: Path = Path("results"), default: str = "phantom") -> "Layout":
        """Return the layout of a named experiment."""
        return cls(results if experiment == default else results / experiment)

    def sealed_folders(self) -> list[Path]:
        """Folders whose tables and records are looked through when a run begins; no volumes, however many."""
        return [self.root, *(folder for pattern in SEALED for folder in self.root.glob(pattern))]

    def raw(self, dataset: str) -> Path:
        """Folder of a data set made by a rule, in the AbdomenAtlas layout."""
        return self.root / "raw" / dataset

    def data(self, dataset: str) -> Path:
        """Folder with the tables and volumes of a data set."""
        return self.root / "data" / dataset

    def cohort(self, dataset: str) -> Path:
        """Table of cases."""
        return self.data(dataset) / "cohort.csv"

    def findings(self, dataset: str) -> Path:
        """What the reports say, one JSON line per case."""
        return self.data(dataset) / "findings.jsonl"

    def answers(self, dataset: str) -> Path:
        """What a language model answered about a data set's reports; kept whatever else is made anew."""
        return self.data(dataset) / "answers.sqlite"

    def report_vectors(self, budget: str, seed: int | str) -> Path:
        """Vectors of the report texts that a budget's runs may read."""
        return self.root / "report_vectors" / budget / f"seed-{seed}.csv"

    def volumes(self, dataset: str) -> Path:
        """Table of preprocessed volumes; written last, beside the folder `volumes`."""
        return self.data(dataset) / "volumes.csv"

    def run(self, budget: str, method: str, seed: int | str) -> Path:
        """Folder of one run."""
        return self.root / "runs" / budget / method / f"seed-{seed}"

    def table(self, name: str) -> Path:
        """A table, figure folder or report at the top, such as `table2.csv`."""
        return self.root / name


def run_record(run: Path) -> Path:
    """Provenance of a finished run; written last."""
    return run / "run.json"


def landing_log(run: Path) -> Path:
    """Where reported tumors landed while a run trained, and what it predicted; report losses alone."""
    return run / "landing.jsonl"


def predictions_table(run: Path, test_set: str) -> Path:
    """Table of the probability maps of one test set; written last."""
    return run / "predictions" / test_set / "predictions.csv"


def cases_table(run: Path, test_set: str) -> Path:
    """Per-case scores of one test set."""
    return run / "cases" / f"{test_set}.csv"
