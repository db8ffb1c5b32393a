"""PanTS: `ImageTr/PanTS_*/ct.nii.gz`, `LabelTr/PanTS_*/segmentations/*.nii.gz`; test cases in `Te`.

Pancreas with head, body, tail and lesions, both kidneys; kidney lesions are not annotated. Ids are 8
digits, as in AbdomenAtlas, of which and of MSD and KiTS it holds cases. Reports are PDF files, and not
read. The layout names no patients: every case counts as one.
"""

from pathlib import Path
from typing import Any

from rsuper.data.mask_sources import existing_masks
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled
from rsuper.data.sources.tables import first_file, number, read_columns, sex

_PARTS = {"train": ("ImageTr", "LabelTr"), "test": ("ImageTe", "LabelTe")}
_METADATA = ("metadata.xlsx", "metadata_pants.csv", "metadata_pants.xlsx")
_ID = ("PanTS ID", "PanTS_ID", "BDMAP ID", "BDMAP_ID", "case_id", "ID")


def cases(origin: Origin) -> list[RawCase]:
    """List the cases of both splits; one without its CT or masks keeps its place, with a reason.

    Raises:
        DataError: there is none, an id stands in both splits, or the metadata table cannot be read.
    """
    people = _people(origin)
    found = []
    for split, (images, labels) in _PARTS.items():
        names = {
            p.name for part in (images, labels) for p in (origin.root / part).glob("PanTS_*") if p.is_dir()
        }
        for name in sorted(names):
            folder = origin.root / labels / name / "segmentations"
            masks, ct = existing_masks(folder), origin.root / images / name / "ct.nii.gz"
            person = people.get(name, {})
            found.append(Found(name, ct, masks, splits=(split,), mask_folder=folder, **person))
    return assembled(origin, found)


def _people(origin: Origin) -> dict[str, dict[str, Any]]:
    path = first_file(origin.root, *_METADATA)
    if path is None:
        return {}
    optional = {"phase": ("ct phase", "phase"), "sex": ("sex",), "age": ("age",)}
    optional |= {"maker": ("manufacturer",), "model": ("manufacturer model",)}
    frame = read_columns(path, {"id": _ID}, optional)
    return {
        row["id"]: {
            "phase": row["phase"],
            "sex": sex(row["sex"]),
            "age": number(row["age"]),
            "scanner": " ".join(part for part in (row["maker"], row["model"]) if part),
        }
        for row in frame.to_dict("records")
    }


def tables(origin: Origin) -> list[Path]:
    """Name the tables that metadata may be in."""
    return [origin.root / name for name in _METADATA]
