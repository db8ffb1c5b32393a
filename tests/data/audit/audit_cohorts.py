"""Tiny cohorts for the audit: sound as they are, so that a test changes the one thing that is wrong."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.data.audit.known import Known
from rsuper.data.audit.registry import audit_frame
from rsuper.reports.findings import Finding, ReportFindings

BLANK = np.nan
# A CT of 512 x 512 x 200 voxels of 0.8 x 0.8 x 2 mm: 409.6 mm across, 400 mm along the body.
SOUND = {"shape": "512 512 200", "spacing_mm": "0.8 0.8 2", "reason": ""}
CT = {"hu_min": -1024.0, "hu_median": -200.0, "hu_high": 1200.0, "hu_max": 2500.0, "values": 3000.0}
CT |= {"not_finite": 0.0, "oblique_deg": 0.0}
# Centers in mm from the first voxel: x grows to the patient's right, y to the front.
MASKS = {
    "pancreas": {"volume_ml": 80.0, "center_x_mm": 200.0, "center_y_mm": 250.0, "extent_mm": 140.0},
    "kidney_left": {"volume_ml": 160.0, "center_x_mm": 130.0, "center_y_mm": 180.0, "extent_mm": 110.0},
    "kidney_right": {"volume_ml": 150.0, "center_x_mm": 270.0, "center_y_mm": 180.0, "extent_mm": 110.0},
    "pancreas_tumor": {
        "volume_ml": 4.0,
        "center_x_mm": 210.0,
        "center_y_mm": 250.0,
        "extent_mm": 22.0,
        "inside": 1.0,
    },
    "kidney_tumor": {"volume_ml": 0.0},
}
COLUMNS = ["volume_ml", "center_x_mm", "center_y_mm", "extent_mm", "inside", *CT, "image"]


def cohort_rows(*cases: tuple[str, str, str, str]) -> pd.DataFrame:
    """Rows of cohort.csv from (data set, id, patient, role), named with the data set's prefix."""
    rows = [
        {
            **SOUND,
            "case_id": f"{dataset}_{case}",
            "patient_id": f"{dataset}_{patient}",
            "dataset": dataset,
            "role": role,
            "ct": f"raw/{dataset}/{case}/ct.nii.gz",
            "segmentations": f"raw/{dataset}/{case}/segmentations",
        }
        for dataset, case, patient, role in cases
    ]
    return pd.DataFrame(rows)


DEFAULT = cohort_rows(
    ("a", "1", "p1", "mask_train"), ("a", "2", "p2", "report_train"), ("b", "3", "p3", "test_internal")
)


def facts_of(cohort: pd.DataFrame) -> pd.DataFrame:
    """Sound facts about the cases: every CT another image, every mask as in MASKS."""
    rows: list[dict[str, object]] = []
    for case in cohort["case_id"]:
        rows.append({"case_id": case, "file": "ct", "problem": "", "image": f"image of {case}", **CT})
        rows += [{"case_id": case, "file": name, "problem": "", **mask} for name, mask in MASKS.items()]
    frame = pd.DataFrame(rows)
    return frame.reindex(columns=["case_id", "file", "problem", *COLUMNS]).fillna({"image": ""})


def edited(frame: pd.DataFrame, case: str, file: str | None = None, **values: object) -> pd.DataFrame:
    """The frame with other values in the row of one case, or of one of its files."""
    frame = frame.copy()
    rows = frame["case_id"] == case
    if file is not None:
        rows &= frame["file"] == file
    assert rows.sum() == 1
    for column, value in values.items():
        frame.loc[rows, column] = value
    return frame


def known_of(
    experiment: Experiment,
    cohort: pd.DataFrame = DEFAULT,
    facts: pd.DataFrame | None = None,
    findings: Mapping[str, ReportFindings] | None = None,
) -> Known:
    """What the audit knows, sound where nothing else is given: a report that says nothing is one."""
    trained = cohort.loc[cohort["role"] == "report_train", "case_id"]
    silent = {case: report(case).model_copy(update={"absent": ()}) for case in trained}
    return Known(
        experiment, cohort, facts_of(cohort) if facts is None else facts, {**silent, **(findings or {})}
    )


def report(case: str, *findings: Finding) -> ReportFindings:
    """What a report says: these tumors, and none in the other organs."""
    absent = [target for target in ("pancreas", "kidney") if target not in {f.organ for f in findings}]
    return ReportFindings(
        case_id=case, report_sha256="", extractor="test", version="1", findings=findings, absent=tuple(absent)
    )


LEAKING = cohort_rows(
    ("a", "1", "p1", "report_train"),
    ("a", "2", "p1", "test_internal"),
    ("a", "3", "p2", "mask_train"),
    ("a", "4", "p3", "archive"),  # plays no part
    ("a", "5", "p2", "archive"),
)


FACTS = facts_of(DEFAULT)
BLANK = float("nan")


def found(experiment, **known):
    """(check, severity, cases) of every finding."""
    frame = audit_frame(known_of(experiment, **known))
    return list(frame[["check", "severity", "cases"]].itertuples(index=False, name=None))


def text_of(experiment, **known):
    frame = audit_frame(known_of(experiment, **known))
    assert len(frame) == 1
    return frame.loc[0, "finding"]
