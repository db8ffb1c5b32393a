"""AbdomenAtlas layout: one folder per case with ct.nii.gz and segmentations/<structure>.nii.gz.

Whether a mask file is absent (not annotated) or empty (no tumor) is kept apart. Data sets that a rule makes
are in this layout too.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rsuper.artifacts import read_table
from rsuper.data.headers import damaged
from rsuper.data.mask_sources import existing_masks
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled, id_problems, refuse
from rsuper.errors import DataError
from rsuper.files import lost_images
from rsuper.schemas import METADATA, REPORTS

STATED_FILE = "stated.jsonl"  # what each report states, where that is known: for phantoms
REPORTS_FILE = "reports.csv"


def cases(origin: Origin) -> list[RawCase]:
    """List the cases of the metadata table or, where the experiment file gives a role, all folders.

    Raises:
        ArtifactError: the metadata table is missing or has the wrong columns.
        DataError: no case, a case named twice, or a case of the table without its CT.
    """
    if not origin.settings.role:
        return list(raw_cases(origin.root, origin.dataset, origin.settings.metadata))
    folders = sorted(path for path in origin.root.glob("*") if path.is_dir() and path.name[0] != ".")
    found = []
    for folder in folders:
        place = folder / "segmentations"
        found.append(Found(folder.name, folder / "ct.nii.gz", existing_masks(place), mask_folder=place))
    return assembled(origin, found)


def reports(origin: Origin) -> dict[str, str]:
    """Read the table of reports; see `read_reports`."""
    return read_reports(origin.root, origin.settings.reports or REPORTS_FILE)


def report_tables(origin: Origin) -> list[Path]:
    """Name the table of reports, which need not exist."""
    return [origin.root / (origin.settings.reports or REPORTS_FILE)]


def raw_cases(root: Path, dataset: str, metadata_file: str) -> Iterator[RawCase]:
    """Yield the cases that the metadata table names, in its order.

    Raises:
        ArtifactError: the metadata table is missing or has the wrong columns.
        DamagedError: of a data set that a rule made, an image was lost.
        DataError: no case; a case named twice or by what is no file name; one without a role or its CT.
    """
    metadata = read_table(root / metadata_file, METADATA)
    if metadata.empty:
        raise DataError(f"{root / metadata_file}: the cohort is empty: expected at least one row")
    _refuse_duplicates(metadata["case_id"], root / metadata_file)
    refuse(id_problems(metadata["case_id"], root / metadata_file))
    roleless = list(metadata.loc[metadata["role"] == "", "case_id"])
    if roleless:
        raise DataError(f"{root / metadata_file}: no role of case(s) {roleless[:5]}; fill the column 'role'")
    for path in lost_images(root):  # a mask that is not there would count as never drawn
        raise damaged(path, "no such file")
    for row in metadata.itertuples(index=False):
        folder = root / str(row.case_id)
        if not (folder / "ct.nii.gz").is_file():
            raise DataError(f"{folder / 'ct.nii.gz'}: no such file, but {metadata_file} names the case")
        yield RawCase(
            case_id=f"{dataset}_{row.case_id}",
            source_id=str(row.case_id),
            ct=folder / "ct.nii.gz",
            masks=existing_masks(folder / "segmentations"),
            patient_id=f"{dataset}_{row.patient_id}",
            role=str(row.role),
            phase=str(row.phase),
            age=float(str(row.age)),
            sex=str(row.sex),
            scanner=str(row.scanner),
        )


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
