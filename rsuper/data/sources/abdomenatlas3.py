"""AbdomenAtlas 3.0 (RadGPT): images and masks in two parallel folders, reports and metadata in one table.

`image_only/BDMAP_*/ct.nii.gz`, `mask_only/BDMAP_*/segmentations/*.nii.gz`,
`AbdomenAtlas3.0MiniWithMeta.csv`, and lists of ids in `TrainTestIDS`. One file holds the lesions of both
kidneys. The layout names no patients: every case counts as one. The texts were made from the masks, so that
they tell nothing that the masks do not.
"""

import re
from pathlib import Path
from typing import Any

from rsuper.data.mask_sources import existing_masks
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled, id_problems, refuse
from rsuper.data.sources.tables import number, read_columns, sex
from rsuper.errors import DataError

REPORTS_FILE = "AbdomenAtlas3.0MiniWithMeta.csv"
_ID = ("BDMAP ID", "BDMAP_ID", "Case")
_TEXT = ("narrative report", "structured report", "Report")
_CASE = re.compile(r"BDMAP_[A-Z]?\d+")


def cases(origin: Origin) -> list[RawCase]:
    """List the cases of both folders; one without its CT or masks keeps its place, with a reason.

    Raises:
        DataError: there is none, a list of a split is missing, a case is in splits of two roles, or the table
            cannot be read.
    """
    images, masks = origin.folder("images"), origin.folder("masks")
    splits = {split: _split_ids(origin.root, split) for split in origin.settings.splits}
    people = _people(origin)
    found = []
    for name in sorted({path.name for part in (images, masks) for path in part.glob("BDMAP_*")}):
        folder = masks / name / "segmentations"
        found.append(
            Found(
                source_id=name,
                ct=images / name / "ct.nii.gz",
                masks=existing_masks(folder),
                splits=tuple(split for split, ids in splits.items() if name in ids),
                mask_folder=folder,
                **people.get(name, {}),
            )
        )
    return assembled(origin, found)


def _split_ids(root: Path, split: str) -> set[str]:
    path = root / "TrainTestIDS" / f"{split}.csv"
    if not path.is_file():
        raise DataError(f"{path}: no such file, but the experiment file gives split '{split}' a role")
    ids = set(_CASE.findall(path.read_text(encoding="utf-8", errors="replace")))
    if not ids:
        raise DataError(f"{path}: no id of the form BDMAP_00000001")
    return ids


def _people(origin: Origin) -> dict[str, dict[str, Any]]:
    (path,) = report_tables(origin)
    if not path.is_file():
        return {}
    optional = {"sex": ("sex",), "age": ("age",), "scanner": ("scanner",), "phase": ("contrast", "phase")}
    frame = read_columns(path, {"id": _ID}, optional)
    return {
        row["id"]: {
            "sex": sex(row["sex"]),
            "age": number(row["age"]),
            "scanner": row["scanner"],
            "phase": row["phase"],
        }
        for row in frame.to_dict("records")
    }


def reports(origin: Origin) -> dict[str, str]:
    """Read the narrative reports, else the structured ones; none where the table is not there.

    Raises:
        DataError: the table lacks its columns, or a case stands there twice.
    """
    (path,) = report_tables(origin)
    if not path.is_file():
        return {}
    frame = read_columns(path, {"id": _ID, "text": _TEXT})
    refuse(id_problems(frame["id"], path))
    return {row["id"]: row["text"] for row in frame.to_dict("records") if row["text"]}


def report_tables(origin: Origin) -> list[Path]:
    """Name the table of reports and metadata, which need not exist."""
    return [origin.root / (origin.settings.reports or REPORTS_FILE)]


def tables(origin: Origin) -> list[Path]:
    """Name the table and the lists of the splits that have a role."""
    splits = (origin.root / "TrainTestIDS" / f"{split}.csv" for split in origin.settings.splits)
    return [*report_tables(origin), *splits]
