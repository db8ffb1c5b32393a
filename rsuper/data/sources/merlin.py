"""Merlin with the organ masks of Merlin Plus: CTs and reports of one hospital, no tumor masks.

`merlin_data/<study id>.nii.gz`, `reports_final.xlsx` (findings and splits), and of Merlin Plus
`merlin_per_voxel_masks/<id>/segmentations/*.nii.gz`, `merlin_longitudinal_metadata.csv` (patients: 3,830
have more than one CT) and `mapping_merlin.csv`, where masks lie under other ids.
"""

from pathlib import Path
from typing import Any

from rsuper.data.mask_sources import existing_masks
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled, id_problems, refuse
from rsuper.data.sources.tables import first_file, number, read_columns, sex
from rsuper.errors import DataError

_REPORTS = ("reports_final_updated.xlsx", "reports_final.xlsx", "reports_final.csv")
PATIENTS, MAPPING = "merlin_longitudinal_metadata.csv", "mapping_merlin.csv"
_ID = ("study id", "study_id", "Encrypted Accession Number", "Accession")
_SUFFIXES = (".nii.gz", ".nii")


def cases(origin: Origin) -> list[RawCase]:
    """List the CTs of the table of reports, and those in the folder that it does not name.

    Raises:
        DataError: there is none; a table is missing, damaged or names a CT twice. Patients are needed, unless
            the metadata table gives them.
    """
    folder, table = origin.folder("cts"), _report_table(origin)
    frame = read_columns(table, {"id": _ID}, {"split": ("Split",)})
    refuse(id_problems(frame["id"], table))
    splits = dict(zip(frame["id"], frame["split"].str.lower(), strict=True))
    files = {path.name.removesuffix(s): path for s in _SUFFIXES for path in folder.glob(f"[!.]*{s}")}
    own = origin.settings.role or origin.settings.splits
    people, folders = _people(origin.root, bool(own)), _mask_folders(origin)
    found = []
    for name in sorted({*splits, *files}):
        place = folders.get(name, origin.folder("masks") / name) / "segmentations"
        masks = existing_masks(place)
        known = not own or name in people
        reason = "" if known else f"{origin.root / PATIENTS}: no patient of CT '{name}'"
        ct = files.get(name, folder / f"{name}.nii.gz")
        split = (splits[name],) if splits.get(name) else ()
        person = people.get(name, {})
        found.append(Found(name, ct, masks, splits=split, mask_folder=place, reason=reason, **person))
    return assembled(origin, found)


def _people(root: Path, needed: bool) -> dict[str, dict[str, Any]]:
    path = root / PATIENTS
    if not path.is_file() and not needed:
        return {}
    optional = {"age": ("Age",), "sex": ("Gender",), "phase": ("phase",)}
    optional |= {"maker": ("manufacturer",), "model": ("manufacturermodelname",)}
    frame = read_columns(path, {"id": _ID, "patient": ("Patient ID", "patient_id")}, optional)
    return {
        row["id"]: {
            "patient": row["patient"],
            "age": number(row["age"]),
            "sex": sex(row["sex"]),
            "phase": row["phase"],
            "scanner": " ".join(part for part in (row["maker"], row["model"]) if part),
        }
        for row in frame.to_dict("records")
        if row["patient"]
    }


def _mask_folders(origin: Origin) -> dict[str, Path]:
    """Folders of masks that lie under another id than their CT."""
    path = origin.root / MAPPING
    if not path.is_file():
        return {}
    frame = read_columns(path, {"id": _ID, "other": ("BDMAP_ID", "BDMAP ID")})
    refuse(id_problems(frame["other"], path))
    pairs = zip(frame["id"], (origin.folder("masks") / other for other in frame["other"]), strict=True)
    return {name: folder for name, folder in pairs if not (origin.folder("masks") / name).is_dir()}


def reports(origin: Origin) -> dict[str, str]:
    """Read the findings sections, which are all that Merlin gives of a report.

    Raises:
        DataError: the table is missing, lacks its columns or names a CT twice.
    """
    path = _report_table(origin)
    frame = read_columns(path, {"id": _ID, "text": ("Findings",)})
    refuse(id_problems(frame["id"], path))
    return {row["id"]: row["text"] for row in frame.to_dict("records") if row["text"]}


def _report_table(origin: Origin) -> Path:
    found = first_file(origin.root, *([origin.settings.reports] if origin.settings.reports else _REPORTS))
    if found is None:
        expected = origin.settings.reports or " or ".join(_REPORTS)
        raise DataError(f"{origin.root}: no {expected}; download it, or name the file as 'reports'")
    return found


def report_tables(origin: Origin) -> list[Path]:
    """Name the tables that reports may be in."""
    names = [origin.settings.reports] if origin.settings.reports else _REPORTS
    return [origin.root / name for name in names]


def tables(origin: Origin) -> list[Path]:
    """Name the tables of splits, patients and other ids."""
    return [*report_tables(origin), origin.root / PATIENTS, origin.root / MAPPING]
