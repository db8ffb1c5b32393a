"""A tiny data set for all tests: eight cases in the AbdomenAtlas layout, and its store.

Organs are boxes (RAS+ voxels of 4 mm), so that truths can be computed by hand; one case is stored as LPS.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from rsuper.artifacts import Layout, write_lines, write_table
from rsuper.collection import Collection
from rsuper.config.experiment import Experiment
from rsuper.config.load import parse
from rsuper.data.cohort import cohort_frame, read_findings
from rsuper.data.report_vectors import encoded, write_vectors
from rsuper.data.shards import preprocess_cohort
from rsuper.data.sources.abdomenatlas import raw_cases, read_reports
from rsuper.data.sources.real_anatomy.catalog import real_data_folder
from rsuper.errors import DataError
from rsuper.methods import METHODS, find
from rsuper.reports.extract import extract
from rsuper.runs import make_task
from rsuper.schemas import COHORT, METADATA, REPORTS, VOLUMES
from rsuper.task import Task

# Tests fork, and OpenMP's threads do not live on in the child: it would wait for them. And two workers of two
# threads each are slow on two cores.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start

SHAPE = (40, 32, 32)
SPACING_MM = 4.0
BOXES = {
    "pancreas": ((13, 12, 14), (27, 18, 20)),
    "pancreas_tail": ((13, 12, 14), (17, 18, 20)),
    "pancreas_body": ((17, 12, 14), (22, 18, 20)),
    "pancreas_head": ((22, 12, 14), (27, 18, 20)),
    "kidney_left": ((4, 18, 10), (10, 25, 20)),
    "kidney_right": ((30, 18, 10), (36, 25, 20)),
}
TUMORS = {
    "pancreatic_lesion": ((23, 13, 15), (26, 16, 18)),  # 3 x 3 x 3 voxels in the head
    "kidney_lesion": ((5, 19, 12), (9, 23, 16)),  # 4 x 4 x 4 voxels in the left kidney
}
HEAD = "There is a 1.4 cm hypoattenuating mass in the pancreatic head. Both kidneys are unremarkable."
BOTH = (
    "Pancreas: Unremarkable. Kidneys: A solid mass in the left kidney measures 2.0 x 1.6 cm. "
    "A solid mass in the right kidney."
)
NORMAL = "Pancreas: Unremarkable. Kidneys: Unremarkable."
# case id -> role, tumors in the CT, report
CASES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "M1": ("mask_train", ("pancreatic_lesion",), ""),
    "M2": ("mask_train", ("kidney_lesion",), ""),  # stored as LPS
    "M3": ("mask_train", (), ""),
    "R1": ("report_train", ("pancreatic_lesion",), HEAD),
    "R2": ("report_train", ("kidney_lesion",), BOTH),
    "R3": ("report_train", (), NORMAL),
    "R4": ("report_train", (), NORMAL),
    "T1": ("test_internal", ("pancreatic_lesion",), HEAD),
    "T2": ("test_internal", (), NORMAL),
}
CONFIG: dict[str, object] = {
    "name": "tiny",
    "about": "boxes",
    "targets": ["pancreas", "kidney"],
    "datasets": {"tiny": {"source": "abdomenatlas", "root": "raw"}},
    "test_sets": {"internal": {"role": "test_internal", "label": "internal"}},
    "budgets": {"full": {"methods": ["segmentation", "r_super"]}},
    "preprocess": {"spacing_mm": [4, 4, 4], "clip_hu": [-40, 200], "normalize": "window"},
    "network": {"patch": [16, 16, 16], "options": {"channels": [4, 8, 8, 8]}},
    "schedule": {
        "stage1_steps": 2,
        "steps": 2,
        "learning_rate": 0.001,
        "stage1_learning_rate": 0.001,
        "augment": {"flips": ["x", "y", "z"], "gain": 0.1, "offset": 0.1, "noise": 0.1},
        "log_every": 1,
    },
    "validation": {"share": 0.15},  # round(0.15 * 6) = 1 case
}


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that need a GPU; `make test-gpu` runs these alone."""
    config.addinivalue_line("markers", "gpu: needs a GPU; skipped where there is none (make test-gpu)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a GPU: torch sees none"))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Count the kinds of bad input that were collected."""
    marks = [mark for item in items if (mark := item.get_closest_marker("bad_input"))]
    borders = Counter(mark.args[0] for mark in marks)
    return (
        [f"bad inputs: {len(marks)} ({', '.join(f'{b} {n}' for b, n in sorted(borders.items()))})"]
        if marks
        else []
    )


def _box(bounds: tuple[tuple[int, int, int], tuple[int, int, int]]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[tuple(slice(low, high) for low, high in zip(*bounds, strict=True))] = 1
    return mask


def _save(array: np.ndarray, path: Path, axes: str, spacing_mm: float = SPACING_MM) -> None:
    """Write an array given in RAS+ order, stored in the order `axes`."""
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = (-80.0, -64.0, -50.0)
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(axes))
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine).as_reoriented(turn), path)


def _write_case(folder: Path, tumors: tuple[str, ...], annotated: bool, axes: str, seed: int) -> None:
    ct = np.full(SHAPE, 20.0) + np.random.default_rng(seed).normal(0, 5, SHAPE)
    for name, bounds in BOXES.items():
        _save(_box(bounds), folder / "segmentations" / f"{name}.nii.gz", axes)
        ct[_box(bounds) > 0] += 60 if name != "pancreas" else 0  # its segments cover it
    for name, bounds in TUMORS.items():
        mask = _box(bounds) if name in tumors else np.zeros(SHAPE, dtype=np.uint8)
        ct[mask > 0] -= 40
        _save(mask, folder / ("segmentations" if annotated else "withheld") / f"{name}.nii.gz", axes)
    _save(ct.astype(np.int16), folder / "ct.nii.gz", axes)


def _write_dataset(root: Path, cases: Mapping[str, tuple[str, tuple[str, ...], str]]) -> None:
    for number, (case, (role, tumors, _)) in enumerate(cases.items()):
        axes = "LPS" if case == "M2" else "RAS"
        _write_case(root / case, tumors, role != "report_train", axes, number)
    metadata = [
        {
            "case_id": c,
            "patient_id": f"P{c}",
            "role": role,
            "phase": "venous",
            "age": 60,
            "sex": "F",
            "scanner": "S",
        }
        for c, (role, _, _) in cases.items()
    ]
    write_table(pd.DataFrame(metadata), root / "metadata.csv", METADATA)
    reports = [{"case_id": case, "report": text} for case, (_, _, text) in cases.items() if text]
    write_table(pd.DataFrame(reports, columns=["case_id", "report"]), root / "reports.csv", REPORTS)


@pytest.fixture(scope="session")
def tiny_cases() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Case id -> role, tumors in the CT, report."""
    return CASES


@pytest.fixture(scope="session")
def boxes() -> dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """First voxel and one past the last, per structure and tumor file."""
    return {**BOXES, **TUMORS}


@pytest.fixture(scope="session")
def save_nifti() -> Callable[..., None]:
    """`save_nifti(array in RAS+, path, axes, spacing_mm=4.0)`."""
    return _save


@pytest.fixture(scope="session")
def write_dataset() -> Callable[[Path, Mapping[str, tuple[str, tuple[str, ...], str]]], None]:
    """`write_dataset(root, cases)` writes cases like `tiny_cases`."""
    return _write_dataset


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """The experiment that the tiny data set belongs to."""
    return parse(Experiment, CONFIG, "tiny.yaml")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Collection:
    """The tiny data set, from case folders through findings and cohort to the store."""
    folder = tmp_path_factory.mktemp("tiny")
    root, layout = folder / "raw", Layout(folder / "results")
    _write_dataset(root, CASES)
    found = [extract(f"tiny_{case}", text) for case, text in read_reports(root, "reports.csv").items()]
    write_lines((findings.model_dump_json() for findings in found), layout.findings("tiny"))
    findings = read_findings(layout.findings("tiny"))
    cohort = cohort_frame(list(raw_cases(root, "tiny", "metadata.csv")), findings, "mask_train")
    write_table(cohort, layout.cohort("tiny"), COHORT)
    volumes = preprocess_cohort(cohort, experiment.preprocess, layout.data("tiny") / "volumes", "mask_train")
    write_table(volumes, layout.volumes("tiny"), VOLUMES)
    dataset = experiment.datasets["tiny"].model_copy(update={"root": str(root)})
    collection = Collection(experiment.model_copy(update={"datasets": {"tiny": dataset}}), layout)
    vectors = encoded(collection.report_texts("full", 0), experiment.report_vectors)
    write_vectors(vectors, layout.report_vectors("full", 0))
    return collection


@pytest.fixture(scope="session")
def task_for(collection: Collection) -> Callable[..., Task]:
    """`task_for(name, folder, **schedule)`: a method's task; its run, and those it needs, lie in `folder`."""

    def factory(name: str, folder: Path, *, root: Path = METHODS, **schedule: object) -> Task:
        method = find(name, root)
        task = make_task(collection, method, "full", 0, device="cpu")
        return replace(
            task,
            schedule=task.schedule.model_copy(update=schedule),
            workdir=folder / name,
            upstream={needed: folder / needed for needed in method.needs},
        )

    return factory


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real masks; without it the test is skipped, saying where they are looked for."""
    try:
        return real_data_folder()
    except DataError as error:
        pytest.skip(str(error))
