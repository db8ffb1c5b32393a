"""A small sound site that a test damages in one way, and everything between its files and the training."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from rsuper.artifacts import Layout, read_table, write_table
from rsuper.collection import Collection
from rsuper.config.dataset import Dataset
from rsuper.config.experiment import Experiment, Preprocess
from rsuper.config.load import parse
from rsuper.data.audit.facts import facts_frame
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import audit_frame
from rsuper.data.cohort import cohort_frame
from rsuper.data.shards import preprocess_cohort
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import named_by_hand, read_cases, read_listed_reports
from rsuper.reports.extract import extract
from rsuper.schemas import AUDIT_FACTS, COHORT, VOLUMES

SHAPE = (16, 14, 8)
AFFINE = np.diag([10.0, 10.0, 10.0, 1.0])  # 1 ml per voxel
BOXES = {
    "pancreas": ((5, 9, 3), (11, 11, 5)),
    "kidney_left": ((1, 4, 2), (4, 7, 6)),
    "kidney_right": ((12, 4, 2), (15, 7, 6)),
    "pancreatic_lesion": ((6, 9, 3), (8, 11, 5)),
    "kidney_lesion": ((0, 0, 0), (0, 0, 0)),
}
KIDNEY_LABEL = 5
ROLES = {"A": "mask_train", "B": "mask_train", "R": "report_train", "T": "test_internal"}
REPORT = "There is a 2.0 cm hypoattenuating mass in the pancreatic body. Both kidneys are unremarkable."
SETTINGS = Preprocess(spacing_mm=(10.0, 10.0, 10.0), clip_hu=(-40.0, 200.0), normalize="window")
OFFSETS = {"dim": (40, "h"), "datatype": (70, "h"), "pixdim": (76, "f"), "vox_offset": (108, "f")}
OFFSETS |= {"scl_slope": (112, "f"), "codes": (252, "h"), "srow": (280, "f"), "magic": (344, "B")}


def box(name: str) -> np.ndarray:
    """The mask of a structure or tumor, uint8."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[tuple(slice(low, high) for low, high in zip(*BOXES[name], strict=True))] = 1
    return mask


def save(array: np.ndarray, path: Path, affine: np.ndarray = AFFINE) -> None:
    """Write a volume given in RAS+ order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    nib.save(nib.Nifti1Image(array, affine, dtype=array.dtype), path)


def patch(path: Path, field: str, *values: float) -> None:
    """Write other numbers into a field of a compressed NIfTI file's header."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    offset, kind = OFFSETS[field]
    struct.pack_into(f"<{len(values)}{kind}", content, offset, *values)
    path.write_bytes(gzip.compress(bytes(content), 1))


@dataclass
class Site:
    """Four sound cases: as a hospital's table of paths, and in the AbdomenAtlas layout."""

    root: Path
    rows: list[dict[str, str]]  # of cases.csv; `listing` writes it

    @property
    def ct(self) -> Path:
        """The CT of case A, the one to damage."""
        return self.root / "A" / "ct.nii.gz"

    def mask(self, name: str = "pancreas") -> Path:
        """A binary mask of case A."""
        return self.root / "A" / "segmentations" / f"{name}.nii.gz"

    @property
    def kidneys(self) -> Path:
        """The label map of both kidneys of case A, which the table alone names."""
        return self.root / "A" / "kidneys.nii.gz"

    def listing(self) -> None:
        """Write cases.csv."""
        pd.DataFrame(self.rows).to_csv(self.root / "cases.csv", index=False)

    def cell(self, **cells: str) -> None:
        """Other cells in the row of case A."""
        self.rows[0] |= cells
        self.listing()

    def text(self, name: str = "cases.csv") -> str:
        """Content of a table."""
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, content: str | bytes, name: str = "cases.csv") -> None:
        """Replace a table."""
        (self.root / name).write_bytes(content.encode() if isinstance(content, str) else content)


def sound_site(root: Path) -> Site:
    """Write the four cases with both tables; nothing is wrong with them."""
    rows = []
    for number, (case, role) in enumerate(ROLES.items()):
        folder = root / case
        ct = np.random.default_rng(number).normal(30, 200, SHAPE).astype(np.int16)
        save(ct, folder / "ct.nii.gz")
        lesions = () if role == "report_train" else ("pancreatic_lesion", "kidney_lesion")
        for name in ("pancreas", "kidney_left", "kidney_right", *lesions):
            save(box(name), folder / "segmentations" / f"{name}.nii.gz")
        save(KIDNEY_LABEL * (box("kidney_left") | box("kidney_right")), folder / "kidneys.nii.gz")
        row = {"case_id": case, "patient_id": f"P{case}", "role": role, "ct": f"{case}/ct.nii.gz"}
        row |= {"pancreas": f"{case}/segmentations/pancreas.nii.gz"}
        row |= {"kidneys": f"{case}/kidneys.nii.gz#{KIDNEY_LABEL}"}
        paths = [f"{case}/segmentations/{name}.nii.gz" for name in lesions] or ["", ""]
        row |= {"pancreas_tumor": paths[0], "kidney_tumor": paths[1]}
        row |= {"age": "61", "report": REPORT if role == "report_train" else "", "report_file": ""}
        rows.append(row)
    lines = [f"{case},P{case},{role},venous,61,F,S\n" for case, role in ROLES.items()]
    (root / "metadata.csv").write_text("case_id,patient_id,role,phase,age,sex,scanner\n" + "".join(lines))
    (root / "reports.csv").write_text(f"case_id,report\nR,{REPORT}\n")
    site = Site(root, rows)
    site.listing()
    return site


@dataclass(frozen=True)
class Outcome:
    """What came of a site."""

    reasons: dict[str, str]  # of cohort.csv or volumes.csv, by case
    warned: dict[str, list[str]]  # findings of audit.csv that name a case, by case
    used: list[str]  # cases that a run can train on or test


def run_border(site: Site, settings: dict[str, object], experiment: Experiment) -> Outcome:
    """From reports and files to what a run may use, as the workflow's scripts do it."""
    dataset = parse(Dataset, {"root": str(site.root), **settings}, "own.yaml")
    origin, strict = Origin("own", site.root, dataset), named_by_hand(dataset)
    layout = Layout(site.root.parent / "results")
    findings = {f"own_{case}": extract(f"own_{case}", t) for case, t in read_listed_reports(origin).items()}
    listed = cohort_frame(read_cases(origin), findings, "mask_train", strict=strict)
    write_table(listed, layout.cohort("own"), COHORT)
    cohort = read_table(layout.cohort("own"), COHORT)
    folder = layout.data("own") / "volumes"
    volumes = preprocess_cohort(cohort, SETTINGS, folder, "mask_train", strict=strict)
    write_table(volumes, layout.volumes("own"), VOLUMES)
    volumes = read_table(layout.volumes("own"), VOLUMES)
    own = experiment.model_copy(update={"datasets": {"own": dataset}})
    write_table(facts_frame(cohort), layout.root / "facts.csv", AUDIT_FACTS)
    audit = audit_frame(Known(own, cohort, read_table(layout.root / "facts.csv", AUDIT_FACTS), findings))
    collection = Collection(own, layout)
    usable = [case for case in collection.cohort["case_id"] if case in collection.stored]
    assert usable == list(collection.cohort["case_id"])
    bad = volumes[volumes["reason"] != ""]
    warned = {
        case: [row.finding for row in audit.itertuples() if case in row.cases.split()]
        for case in cohort["case_id"]
    }
    return Outcome(dict(zip(bad["case_id"], bad["reason"], strict=True)), warned, usable)
