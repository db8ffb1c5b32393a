"""PANORAMA: CTs of one archive, labels of another, `<patient>_<study>.nii.gz`.

1 PDAC lesion (hand-drawn in `manual_labels`), 2 veins, 3 arteries, 4 pancreas, 5 pancreatic duct, 6 common
bile duct. The whole pancreas is 1, 4 and 5. A scan without label 1 is free of PDAC, but not of other
pancreatic tumors: `automatic_labels` would give false negatives, and are not read.
"""

from pathlib import Path
from typing import Any

from rsuper.data.mask_sources import CaseMasks, MaskSource
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled
from rsuper.data.sources.tables import number, read_columns, sex

LESION, PANCREAS, DUCT = 1, 4, 5
_KNOWN = (1, 2, 3, 4, 5, 6)
_SUFFIX = ".nii.gz"
CLINICAL = "clinical_information.xlsx"


def cases(origin: Origin) -> list[RawCase]:
    """List the labels; one without its CT (`<id>[_0000].nii.gz`) keeps its place, with a reason.

    Raises:
        DataError: there is none, or the clinical table cannot be read.
    """
    images, people = origin.folder("images"), _people(origin)
    found = []
    for label in sorted(origin.folder("labels").glob(f"[!.]*{_SUFFIX}")):
        name = label.name.removesuffix(_SUFFIX)
        masks = CaseMasks(
            {"pancreas": MaskSource(label, (LESION, PANCREAS, DUCT), _KNOWN)},
            {"pancreas": MaskSource(label, (LESION,), _KNOWN)},
        )
        channel = images / f"{name}_0000{_SUFFIX}"  # as nnU-Net names a first channel
        ct = channel if channel.is_file() else images / f"{name}{_SUFFIX}"
        person = people.get(name, {})
        found.append(Found(name, ct, masks, patient=name.partition("_")[0], **person))
    return assembled(origin, found)


def _people(origin: Origin) -> dict[str, dict[str, Any]]:
    path = next((path for path in tables(origin) if path.is_file()), None)
    if path is None:
        return {}
    optional = {"age": ("patient_age",), "sex": ("patient_sex",), "scanner": ("scanner",)}
    frame = read_columns(path, {"id": ("PANORAMA_study_id",)}, optional)
    return {
        row["id"]: {"age": number(row["age"]), "sex": sex(row["sex"]), "scanner": row["scanner"]}
        for row in frame.to_dict("records")
    }


def tables(origin: Origin) -> list[Path]:
    """Name the places where the clinical table may be."""
    return [origin.root / CLINICAL, origin.folder("labels").parent / CLINICAL]
