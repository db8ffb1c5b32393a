"""Write synthetic cases as the AbdomenAtlas family is laid out, with report and metadata tables."""

import csv
import gzip
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Shaped

from rsuper.config.phantom import CaseGroup, CaseKind, HospitalSpec, PhantomSpec
from rsuper.data.phantom.case import TARGETS, PhantomCase, make_case
from rsuper.data.phantom.lesions import Target
from rsuper.data.phantom.reports import CaseFacts, CystFact, TumorFact, WrittenReport, write_report
from rsuper.data.phantom.shapes import Grid
from rsuper.data.store import WITHHELD_FOLDER
from rsuper.errors import ArtifactError, ConfigError

# File names of AbdomenAtlas: "pancreatic", but "kidney".
LESION_FILES: dict[Target, str] = {"pancreas": "pancreatic_lesion", "kidney": "kidney_lesion"}

METADATA_COLUMNS = ("case_id", "patient_id", "role", "phase", "age", "sex", "scanner")
REPORT_COLUMNS = ("case_id", "report")
TRUTH_COLUMNS = (
    "case_id",
    "tumor",
    "target",
    "structure",
    "longest_axial_mm",
    "perpendicular_mm",
    "craniocaudal_mm",
    "type",
    "volume_mm3",
)
DISTRACTOR_COLUMNS = ("case_id", "distractor", "kind", "target", "structure", "diameter_mm")


def write_dataset(root: Path, name: str, spec: PhantomSpec, seed: int) -> None:
    """Write one hospital's cases; the folder appears only when it is complete.

    Besides the cases, `root` holds reports.csv and metadata.csv for the ordinary adapter, and what it never
    reads: truth.csv and distractors.csv (one row per tumor and per look-alike) and stated.jsonl (what each
    report states). An existing empty folder is replaced.

    Args:
        root: folder to make, with parents.
        name: of the hospital in `spec.hospitals`.
        spec: the recipe.
        seed: of the whole experiment's data; with hospital and case number it determines every byte.

    Raises:
        ConfigError: `spec` has no hospital of this name.
        ArtifactError: `root` exists and holds something.
    """
    if name not in spec.hospitals:
        raise ConfigError(f"phantom: no hospital {name!r}; there are {sorted(spec.hospitals)}")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ArtifactError(f"{root}: exists already; remove it to make the phantom anew")
    unfinished = root.with_name(f".{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    hospital = spec.hospitals[name]
    with _Tables(unfinished) as tables:
        for number, group, kind in plan_cases(hospital, seed):
            case_seed = (seed, hospital.hospital_id, number)
            case = make_case(spec, hospital, kind, case_seed)
            case_id = f"BDMAP_{number:08d}"
            _write_volumes(unfinished / case_id, case, hospital, group, spec)
            report = None
            if group.has_reports:
                # A fourth number: a stream beside the seven of the case.
                report = write_report(case_facts(case_id, case), np.random.default_rng([*case_seed, 1]))
            patient = f"PATIENT_{hospital.hospital_id}_{number:06d}"
            tables.add(case_id, patient, group.role, case, report, spec)
    unfinished.rename(root)


def plan_cases(hospital: HospitalSpec, seed: int) -> list[tuple[int, CaseGroup, CaseKind]]:
    """Number a hospital's cases from 1, group after group, the kinds of a group in random order."""
    plan: list[tuple[int, CaseGroup, CaseKind]] = []
    for position, group in enumerate(hospital.cases):
        kinds = group.kinds()
        # Case numbers start at 1, so no case shares this seed.
        order = np.random.default_rng([seed, hospital.hospital_id, 0, position]).permutation(len(kinds))
        plan += [(len(plan) + i, group, kinds[k]) for i, k in enumerate(order, start=1)]
    return plan


def case_facts(case_id: str, case: PhantomCase) -> CaseFacts:
    """Give what a radiologist may report; a cyst mostly hidden by a tumor is not seen."""
    tumors = tuple(
        TumorFact(t.growth.target, t.growth.structure, t.growth.diameters_mm, t.kind) for t in case.tumors
    )
    cysts = tuple(_visible_cysts(case))
    duct = any(d.kind == "dilated_duct" for d in case.distractors)
    return CaseFacts(case_id, case.phase, case.age, case.sex, tumors, cysts, duct)


def _visible_cysts(case: PhantomCase) -> Iterator[CystFact]:
    for cyst in case.distractors:
        if cyst.kind != "cyst":
            continue
        inside = cyst.blob.distance_mm < 0
        hidden = sum(int((tumor.mask[cyst.blob.box] & inside).sum()) for tumor in case.tumors)
        if 2 * hidden <= inside.sum():
            yield CystFact(cyst.structure, cyst.diameter_mm)


class _Tables:
    """The tables of a data set, filled case by case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = ExitStack()

    def __enter__(self) -> "_Tables":
        self._reports = self._open("reports.csv", REPORT_COLUMNS)
        self._metadata = self._open("metadata.csv", METADATA_COLUMNS)
        self._truth = self._open("truth.csv", TRUTH_COLUMNS)
        self._distractors = self._open("distractors.csv", DISTRACTOR_COLUMNS)
        self._stated = self._files.enter_context((self._folder / "stated.jsonl").open("w", encoding="utf-8"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def _open(self, name: str, columns: Iterable[str]) -> Any:
        file = self._files.enter_context((self._folder / name).open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        return writer

    def add(
        self,
        case_id: str,
        patient: str,
        role: str,
        case: PhantomCase,
        report: WrittenReport | None,
        spec: PhantomSpec,
    ) -> None:
        """Add the rows of one case; a case without report has no row in the reports."""
        self._metadata.writerow((case_id, patient, role, case.phase, case.age, case.sex, case.scanner))
        if report is not None:
            self._reports.writerow((case_id, report.text))
            self._stated.write(report.stated.model_dump_json() + "\n")
        voxel_mm3 = float(np.prod(spec.grid.spacing_mm))
        for number, tumor in enumerate(case.tumors, start=1):
            growth = tumor.growth
            diameters = (f"{d:.3f}" for d in growth.diameters_mm)
            volume = f"{tumor.mask.sum() * voxel_mm3:.1f}"
            row = (case_id, number, growth.target, growth.structure, *diameters, tumor.kind, volume)
            self._truth.writerow(row)
        for number, d in enumerate(case.distractors, start=1):
            self._distractors.writerow(
                (case_id, number, d.kind, d.target, d.structure, f"{d.diameter_mm:.3f}")
            )


def _write_volumes(
    folder: Path, case: PhantomCase, hospital: HospitalSpec, group: CaseGroup, spec: PhantomSpec
) -> None:
    affine = Grid(spec.grid.shape, spec.grid.spacing_mm).affine
    lesions = {LESION_FILES[target]: case.lesion_mask(target) for target in TARGETS}
    # What a hospital did not segment is kept apart, for the ceiling control and for measuring.
    tumor_folder = "segmentations" if group.has_tumor_masks else WITHHELD_FOLDER
    for place, masks in (("segmentations", case.stored_organs), (tumor_folder, lesions)):
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name, mask in masks.items():
            path = folder / place / f"{name}.nii.gz"
            write_nifti(path, mask.astype(np.uint8), affine, hospital.orientation)
    write_nifti(folder / "ct.nii.gz", case.ct, affine, hospital.orientation)


def write_nifti(path: Path, array: Shaped[np.ndarray, "x y z"], affine: np.ndarray, orientation: str) -> None:
    """Store an RAS+ array with its axes turned to `orientation`; equal input gives equal bytes."""
    ras = nib.orientations.axcodes2ornt("RAS")
    turn = nib.orientations.ornt_transform(ras, nib.orientations.axcodes2ornt(orientation))
    turned = nib.orientations.apply_orientation(array, turn)
    image = nib.Nifti1Image(turned, affine @ nib.orientations.inv_ornt_aff(turn, array.shape))
    image.header.set_xyzt_units("mm")
    # Level 1 for speed; without time stamp, so that the file depends on its content alone.
    path.write_bytes(gzip.compress(image.to_bytes(), 1, mtime=0))
