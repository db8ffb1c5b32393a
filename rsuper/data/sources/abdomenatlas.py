"""AbdomenAtlas layout: one folder per case with ct.nii.gz and segmentations/<structure>.nii.gz.

Whether a mask file is absent (not annotated) or empty (no tumor) is kept apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rsuper.artifacts import read_table
from rsuper.errors import DataError
from rsuper.schemas import METADATA, REPORTS

STRUCTURES = (
    "pancreas",
    "pancreas_head",
    "pancreas_body",
    "pancreas_tail",
    "kidney_left",
    "kidney_right",
)
STATED_FILE = "stated.jsonl"  # what each report states, where that is known: for phantoms
TUMOR_FILES = {"pancreas": "pancreatic_lesion", "kidney": "kidney_lesion"}


@dataclass(frozen=True)
class RawCase:
    """One case folder as it lies on disk."""

    case_id: str  # data set prefix + id, unique over all data sets
    source_id: str  # name of the folder
    ct: Path
    organs: dict[str, Path]
    tumors: dict[str, Path]  # per target; absent = not annotated, which is not the same as empty
    patient_id: str
    role: str
    phase: str
    age: float
    sex: str
    scanner: str


def raw_cases(root: Path, dataset: str, metadata_file: str) -> Iterator[RawCase]:
    """Yield the cases that the metadata table names, in its order.

    Raises:
        ArtifactError: the metadata table is missing or has the wrong columns.
        DataError: no case, a case named twice, or a case without its CT.
    """
    metadata = read_table(root / metadata_file, METADATA)
    if metadata.empty:
        raise DataError(f"{root / metadata_file}: the cohort is empty: expected at least one row")
    _refuse_duplicates(metadata["case_id"], root / metadata_file)
    for row in metadata.itertuples(index=False):
        folder = root / str(row.case_id)
        segmentations = folder / "segmentations"
        if not (folder / "ct.nii.gz").is_file():
            raise DataError(f"{folder / 'ct.nii.gz'}: no such file, but {metadata_file} names the case")
        yield RawCase(
            case_id=f"{dataset}_{row.case_id}",
            source_id=str(row.case_id),
            ct=folder / "ct.nii.gz",
            organs=_existing(segmentations, {name: name for name in STRUCTURES}),
            tumors=_existing(segmentations, TUMOR_FILES),
            patient_id=f"{dataset}_{row.patient_id}",
            role=str(row.role),
            phase=str(row.phase),
            age=float(str(row.age)),
            sex=str(row.sex),
            scanner=str(row.scanner),
        )


def _existing(folder: Path, files: dict[str, str]) -> dict[str, Path]:
    paths = {name: folder / f"{file}.nii.gz" for name, file in files.items()}
    return {name: path for name, path in paths.items() if path.is_file()}


def read_reports(root: Path, reports_file: str) -> dict[str, str]:
    """Read the table of reports, source case id -> text; a data set without that table has no reports.

    Raises:
        ArtifactError: wrong columns.
        DataError: a case id stands there twice.
    """
    path = root / reports_file
    if not path.is_file():
        return {}
    reports = read_table(path, REPORTS)
    _refuse_duplicates(reports["case_id"], path)
    return dict(zip(reports["case_id"], reports["report"], strict=True))


def _refuse_duplicates(ids: pd.Series, path: Path) -> None:
    twice = sorted(set(ids[ids.duplicated()]))
    if twice:
        raise DataError(f"{path}: case id(s) {twice[:5]} stand there more than once; keep one row per CT")
