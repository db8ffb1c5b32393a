"""Write real organs and tumors with rendered CTs as the AbdomenAtlas family is laid out, with reports."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rsuper.artifacts import write_lines, write_table
from rsuper.config.real_anatomy import MASK_SPACING_MM, RealAnatomySpec, RealHospital, ReportRules
from rsuper.data.phantom.dataset import LESION_FILES, write_nifti
from rsuper.data.phantom.reports import (
    CaseFacts,
    CystFact,
    ReportStyle,
    TumorFact,
    WrittenReport,
    write_report,
)
from rsuper.data.sources.real_anatomy.catalog import Entry, catalog
from rsuper.data.sources.real_anatomy.masks import Crop, read_crop
from rsuper.data.sources.real_anatomy.render import RenderedCase, render_case
from rsuper.data.store import WITHHELD_FOLDER
from rsuper.errors import ArtifactError, ConfigError, DataError
from rsuper.metrics.strata import longest_axial_diameter_mm
from rsuper.progress import tracked
from rsuper.schemas import METADATA, REPORTS

_MASK_ROLE, _REPORT_ROLE = "mask_train", "report_train"
_AGES = (40, 85)  # of the patients whose age no record gives; it stands in the report's wording alone
# A real pancreas has no segments here: the structure is never named (`without_segment` below).
_ANY_SEGMENT = "pancreas_head"


@dataclass(frozen=True)
class _Written:
    """One case: its rows of the tables."""

    metadata: dict[str, object]
    source: dict[str, object]
    truth: list[dict[str, object]]
    report: WrittenReport | None


def write_dataset(root: Path, name: str, real: Path, spec: RealAnatomySpec, seed: int) -> None:
    """Write one hospital's cases; the folder appears only when it is complete.

    Every patient gives two CTs of one role: one with tumors, and one where they are rendered as tissue of
    their organ. A CT shows one target: of the other there is no file at all, so that nothing is known of it.
    Besides the cases, `root` holds reports.csv and metadata.csv for the ordinary adapter, and what it never
    reads: truth.csv (one row per tumor), sources.csv (where each case is from) and stated.jsonl (what each
    report states).

    Args:
        root: folder to make, with parents.
        name: of the hospital in `spec.hospitals`.
        real: folder of the real masks.
        spec: the recipe.
        seed: of the whole experiment's data.

    Raises:
        ConfigError: `spec` has no hospital of this name.
        ArtifactError: `root` exists and holds something.
        DataError: real data are missing or not what their tables say.
    """
    if name not in spec.hospitals:
        raise ConfigError(f"real_anatomy: no hospital {name!r}; there are {sorted(spec.hospitals)}")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ArtifactError(f"{root}: exists already; remove it to make the data anew")
    unfinished = root.with_name(f".{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    written = list(_write_cases(unfinished, spec.hospitals[name], catalog(real), spec, seed))
    _write_tables(unfinished, written)
    unfinished.rename(root)


def assign_roles(entries: Sequence[Entry], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give every patient one role, the shares kept within each target and independent of data sets.

    Returns:
        Patient id -> role. With few patients a small share may get none.
    """
    roles: dict[str, str] = {}
    bounds = np.cumsum(list(shares.values()))
    for number, target in enumerate(sorted(LESION_FILES)):
        patients = sorted({entry.patient_id for entry in entries if entry.target == target})
        order = np.random.default_rng([seed, number]).permutation(len(patients))
        ends = np.rint(bounds * len(patients)).astype(int)
        for place, index in enumerate(order):
            roles[patients[index]] = list(shares)[int(np.searchsorted(ends, place, side="right"))]
    return roles


def _write_cases(
    folder: Path, hospital: RealHospital, entries: Sequence[Entry], spec: RealAnatomySpec, seed: int
) -> Iterator[_Written]:
    roles = assign_roles(entries, spec.role_shares, seed)
    for number, entry in enumerate(tracked(entries, "rendering"), start=1):
        role = roles[entry.patient_id]
        if role not in hospital.roles:
            continue
        crop = read_crop(entry, spec.reports.cyst_from_mm3)
        for kind in ("tumor", "normal"):
            # The number is the patient's among all, so that no other role or hospital shares a seed.
            rng = np.random.default_rng([seed, hospital.hospital_id, number, int(kind == "normal")])
            yield _write_case(folder, entry, crop, kind, role, hospital, spec, rng)


def _write_case(
    folder: Path,
    entry: Entry,
    crop: Crop,
    kind: str,
    role: str,
    hospital: RealHospital,
    spec: RealAnatomySpec,
    rng: np.random.Generator,
) -> _Written:
    paint, words = rng.spawn(2)
    diseased = kind == "tumor"
    case = render_case(crop, entry.target, with_tumors=diseased, hospital=hospital, spec=spec, rng=paint)
    if not case.tumor.any():
        raise DataError(f"{entry.mask}: at {spec.spacing_mm:g} mm no voxel of the tumor is left")
    case_id = f"{entry.source.upper()}_{entry.case_id.removeprefix('case_')}_{kind}"
    lesions = {LESION_FILES[entry.target]: case.tumor & diseased}
    tumor_folder = "segmentations" if role != _REPORT_ROLE else WITHHELD_FOLDER
    for place, masks in (("segmentations", case.stored_organs), (tumor_folder, lesions)):
        (folder / case_id / place).mkdir(parents=True, exist_ok=True)
        for name, mask in masks.items():
            path = folder / case_id / place / f"{name}.nii.gz"
            write_nifti(path, mask.astype(np.uint8), case.affine, hospital.orientation)
    write_nifti(folder / case_id / "ct.nii.gz", case.ct, case.affine, hospital.orientation)
    report, sizes = None, ""
    if role != _MASK_ROLE:
        report, sizes = _report(case_id, entry, crop, case, spec.reports, words)
    return _Written(
        {
            "case_id": case_id,
            "patient_id": entry.patient_id,
            "role": role,
            "phase": case.phase,
            "age": entry.age,
            "sex": entry.sex,
            "scanner": case.scanner,
        },
        {"case_id": case_id, "source": entry.source, "source_case": entry.case_id, "sizes": sizes},
        _truth_rows(case_id, entry, crop, case) if diseased else [],
        report,
    )


def _report(
    case_id: str,
    entry: Entry,
    crop: Crop,
    case: RenderedCase,
    rules: ReportRules,
    rng: np.random.Generator,
) -> tuple[WrittenReport, str]:
    """Write the report and say where its sizes are from: measured, record, or "" where it states none."""
    from_record = rng.random() < rules.record_size_share and len(crop.tumors) == 1
    record = entry.record_mm if from_record and case.types else None
    facts = CaseFacts(
        case_id,
        case.phase,
        entry.age if entry.age is not None else int(rng.integers(*_AGES)),
        entry.sex,
        tuple(
            TumorFact(
                entry.target,
                tumor.organ if entry.target == "kidney" else _ANY_SEGMENT,
                tumor.diameters_mm if record is None else (record, record, record),
                kind,
            )
            for tumor, kind in zip(crop.tumors if case.types else (), case.types, strict=True)
        ),
        tuple(_cyst_facts(crop)),
        dilated_duct=crop.duct_mm3 >= rules.dilated_duct_from_mm3,
        examined=(entry.target,),
    )
    style = ReportStyle(
        diameter_shares=rules.diameter_shares if record is None else (1.0, 0.0, 0.0),
        diameter_noise=rules.diameter_noise,
        unsized=rules.unsized_share,
        without_segment=1.0,
    )
    written = write_report(facts, rng, style)
    sized = any(finding.diameters_mm for finding in written.stated.findings)
    return written, "" if not sized else "measured" if record is None else "record"


def _cyst_facts(crop: Crop) -> Iterator[CystFact]:
    for cyst in crop.cysts:
        diameter = longest_axial_diameter_mm(cyst.mask, (MASK_SPACING_MM,) * 3)
        if diameter is not None:
            yield CystFact(cyst.organ, diameter)


def _truth_rows(case_id: str, entry: Entry, crop: Crop, case: RenderedCase) -> list[dict[str, object]]:
    return [
        {
            "case_id": case_id,
            "tumor": number,
            "target": entry.target,
            "structure": tumor.organ,
            "longest_axial_mm": tumor.diameters_mm[0],
            "perpendicular_mm": tumor.diameters_mm[1],
            "craniocaudal_mm": tumor.diameters_mm[2],
            "type": kind,
            "volume_mm3": float(tumor.mask.sum()) * MASK_SPACING_MM**3,
        }
        for number, (tumor, kind) in enumerate(zip(crop.tumors, case.types, strict=True), start=1)
    ]


def _write_tables(folder: Path, written: Sequence[_Written]) -> None:
    reports = [case.report for case in written if case.report is not None]
    texts = [{"case_id": report.stated.case_id, "report": report.text} for report in reports]
    write_table(pd.DataFrame(texts, columns=list(REPORTS.columns)), folder / "reports.csv", REPORTS)
    write_lines((report.stated.model_dump_json() for report in reports), folder / "stated.jsonl")
    pd.DataFrame([row for case in written for row in case.truth]).to_csv(folder / "truth.csv", index=False)
    pd.DataFrame([case.source for case in written]).to_csv(folder / "sources.csv", index=False)
    columns = list(METADATA.columns)
    frame = pd.DataFrame([case.metadata for case in written], columns=columns)
    frame["age"] = frame["age"].astype("Int64")  # whole years, blank where unknown
    write_table(frame, folder / "metadata.csv", METADATA)
