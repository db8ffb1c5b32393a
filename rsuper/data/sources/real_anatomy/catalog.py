"""The cases of the three real sources, as their tables tell them: who, which tumors, how large."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rsuper.artifacts import read_json
from rsuper.errors import DataError

Target = Literal["pancreas", "kidney"]
Diameters = tuple[float, float, float]

VARIABLE = "RSUPER_REAL_DATA"
_REPOSITORY = Path(__file__).resolve().parents[4]
# Labels of tumors as the data's MANIFEST.md gives them; KiTS23 numbers its instances from the first on.
_KITS19_TUMOR, _KITS23_FIRST_TUMOR, _PANORAMA_TUMOR = 2, 11, 1
_DIAMETER_COLUMNS = ["max_axial_diameter_mm", "perp_axial_diameter_mm", "craniocaudal_extent_mm"]


@dataclass(frozen=True)
class TumorEntry:
    """A tumor in the tables: its label, and longest axial, perpendicular and craniocaudal diameter."""

    label: int
    diameters_mm: Diameters


@dataclass(frozen=True)
class Entry:
    """One case of the real data as its tables tell it; a patient may have several."""

    source: Literal["kits19", "kits23", "panorama"]
    case_id: str  # as the source names it
    patient_id: str
    target: Target
    mask: Path
    tumors: tuple[TumorEntry, ...]
    record_mm: float | None = None  # the largest diameter that the hospital wrote down
    age: int | None = None
    sex: str = ""


def real_data_folder() -> Path:
    """Return the folder of real data: RSUPER_REAL_DATA, else ../shared/real beside this repository.

    Raises:
        DataError: it is not there; says how to get it.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "real"
    if not (folder / "kits19_2mm").is_dir():
        raise DataError(
            f"{folder}: no real masks here (expected kits19_2mm, kits23_multitumor_2mm and panorama_2mm); "
            f"set {VARIABLE} to the folder that holds them. They are cut from the public labels of KiTS19, "
            "KiTS23 and PANORAMA, whose licenses do not allow them in this repository"
        )
    return folder


def catalog(real: Path) -> list[Entry]:
    """List the cases of all three sources, each patient's cases from one source only.

    KiTS19 and KiTS23 share case numbers below 300, so a patient's key is that number; a case in both is taken
    from KiTS23, which tells tumors apart.

    Raises:
        DataError: a table or a mask is missing.
    """
    kits23 = _kits23(real)
    several = {entry.patient_id for entry in kits23}
    kits19 = [entry for entry in _kits19(real) if entry.patient_id not in several]
    entries = sorted(
        [*kits19, *kits23, *_panorama(real)], key=lambda entry: (entry.patient_id, entry.case_id)
    )
    for entry in entries:
        if not entry.mask.is_file():
            raise DataError(f"{entry.mask}: no such file, but the table beside it names the case")
    return entries


def _kits19(real: Path) -> list[Entry]:
    folder = real / "kits19_2mm"
    people = _people(folder / "kits_subset.json")
    return [
        _kidney_entry(folder, "kits19", str(row["case_id"]), row, (_tumor(row, _KITS19_TUMOR),), people)
        for row in _rows(folder / "cases.csv", ["case_id", "radiographic_size_cm", *_DIAMETER_COLUMNS])
    ]


def _kits23(real: Path) -> list[Entry]:
    folder = real / "kits23_multitumor_2mm"
    people = _people(real / "kits19_2mm" / "kits_subset.json")
    columns = ["case_id", "radiographic_size_cm", "instance", "volume_mm3", *_DIAMETER_COLUMNS]
    cases: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(folder / "instances.csv", columns):
        cases.setdefault(str(row["case_id"]), []).append(row)
    entries = []
    for case_id, rows in cases.items():
        # An instance that lies wholly under others has no voxel of its own.
        shown = [row for row in rows if row["volume_mm3"] > 0]
        tumors = tuple(_tumor(row, _KITS23_FIRST_TUMOR - 1 + int(row["instance"])) for row in shown)
        entries.append(_kidney_entry(folder, "kits23", case_id, rows[0], tumors, people))
    return entries


def _panorama(real: Path) -> list[Entry]:
    folder = real / "panorama_2mm"
    return [
        Entry(
            source="panorama",
            case_id=str(row["case_id"]),
            patient_id=f"PANORAMA_{str(row['case_id']).partition('_')[0]}",
            target="pancreas",
            mask=folder / "masks" / f"{row['case_id']}.nii.gz",
            tumors=(_tumor(row, _PANORAMA_TUMOR),),
        )
        for row in _rows(folder / "cases.csv", ["case_id", *_DIAMETER_COLUMNS])
    ]


def _kidney_entry(
    folder: Path,
    source: Literal["kits19", "kits23"],
    case_id: str,
    row: dict[str, Any],
    tumors: tuple[TumorEntry, ...],
    people: dict[str, dict[str, Any]],
) -> Entry:
    record_cm = row["radiographic_size_cm"]
    person = people.get(case_id, {})
    return Entry(
        source=source,
        case_id=case_id,
        patient_id=f"KITS_{case_id.removeprefix('case_')}",
        target="kidney",
        mask=folder / "masks" / f"{case_id}.nii.gz",
        tumors=tumors,
        record_mm=None if pd.isna(record_cm) else float(record_cm) * 10,
        age=person.get("age_at_nephrectomy"),
        sex={"female": "F", "male": "M"}.get(str(person.get("gender", "")), ""),
    )


def _tumor(row: dict[str, Any], label: int) -> TumorEntry:
    axial, perpendicular, craniocaudal = (float(row[name]) for name in _DIAMETER_COLUMNS)
    return TumorEntry(label, (axial, perpendicular, craniocaudal))


def _people(path: Path) -> dict[str, dict[str, Any]]:
    """Clinical records by case; there are some for the KiTS19 cases only."""
    return {str(record["case_id"]): record for record in read_json(path)}


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; see MANIFEST.md of the real data")
    frame = pd.read_csv(path, dtype={"case_id": str})
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: column(s) {missing} missing; found {list(frame.columns)}")
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
