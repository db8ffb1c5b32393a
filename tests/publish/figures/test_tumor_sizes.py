import math

import numpy as np
import pytest

from rsuper.data.cohort import read_findings
from rsuper.errors import DataError
from rsuper.publish.figures.tables import SIZES
from rsuper.publish.figures.tumor_sizes import by_mask, by_report, sizes_frame
from rsuper.reports.findings import Finding, ReportFindings


def report(*findings, absent=()):
    return ReportFindings(
        case_id="c", report_sha256="0", extractor="hand", version="1", findings=findings, absent=absent
    )


def test_masks_first_then_reports_of_the_tiny_cohort(filed):
    frame = sizes_frame(filed.cohort, filed.findings, ["pancreas", "kidney"])
    assert list(frame) == list(SIZES.columns)
    assert len(frame) == 18  # nine cases, two targets
    rows = frame.set_index(["case_id", "target"])
    # 3 x 3 voxels of 4 mm in every slice: corners are 12 mm apart along both axes.
    train = rows.loc[("tiny_M1", "pancreas")]
    assert (train["tumor"], train["source"], train["n_tumors"]) == ("yes", "mask", 1)
    assert train["mask_diameter_mm"] == pytest.approx(12 * math.sqrt(2))
    assert math.isnan(train["report_diameter_mm"])
    # Stored as LPS; 4 x 4 voxels.
    assert rows.loc[("tiny_M2", "kidney"), "mask_diameter_mm"] == pytest.approx(16 * math.sqrt(2))
    tested = rows.loc[("tiny_T1", "pancreas")]
    assert (tested["source"], tested["report_diameter_mm"]) == ("mask", 14.0)
    reported = rows.loc[("tiny_R1", "pancreas")]
    assert (reported["tumor"], reported["source"], reported["n_tumors"]) == ("yes", "report", 1)
    assert (reported["report_diameter_mm"], math.isnan(reported["mask_diameter_mm"])) == (14.0, True)
    assert rows.loc[("tiny_R2", "kidney"), "n_tumors"] == 2  # left and right
    free = rows.loc[("tiny_R3", "kidney")]
    assert (free["tumor"], free["source"], free["n_tumors"]) == ("no", "report", 0)


def test_what_is_not_in_the_field_of_view_or_not_usable_has_no_row(filed):
    cohort = filed.cohort.copy()
    cohort.loc[cohort["case_id"] == "tiny_M1", "organs"] = "pancreas"
    cohort.loc[cohort["case_id"] == "tiny_M2", "reason"] = "damaged"
    frame = sizes_frame(cohort, filed.findings, ["kidney"])
    assert set(frame["case_id"]) == {f"tiny_{name}" for name in ("M3", "R1", "R2", "R3", "R4", "T1", "T2")}


def test_a_mask_that_is_gone_is_an_error_not_an_empty_one(filed):
    cohort = filed.cohort[filed.cohort["case_id"] == "tiny_M1"].assign(segmentations="nowhere")
    with pytest.raises(DataError, match=r"nowhere/kidney_lesion\.nii\.gz: no such file"):
        sizes_frame(cohort, {}, ["kidney"])


def test_by_mask_counts_components():
    mask = np.zeros((6, 6, 3), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True  # touch at a corner: one tumor
    mask[4:6, 4, 0] = True
    found = by_mask(mask, (1.0, 2.0, 5.0))
    assert (found["tumor"], found["n_tumors"]) == ("yes", 2)
    # Both have two voxels: the first counts; its longest axial diameter is one pixel's diagonal.
    assert found["mask_diameter_mm"] == pytest.approx(math.sqrt(1 + 4))
    assert by_mask(np.zeros((2, 2, 2), dtype=bool), (1.0, 1.0, 1.0))["tumor"] == "no"


def test_by_report_counts_what_is_certain():
    several = report(Finding(organ="kidney", count=None), Finding(organ="kidney", certain=False))
    assert by_report(several, "kidney")["n_tumors"] == 2  # "multiple": two at least
    doubtful = by_report(report(Finding(organ="kidney", certain=False)), "kidney")
    assert (doubtful["tumor"], doubtful["source"]) == ("unknown", "")
    assert math.isnan(doubtful["n_tumors"])
    assert by_report(None, "kidney")["tumor"] == "unknown"
    assert by_report(report(absent=("kidney",)), "kidney")["tumor"] == "no"


def test_findings_on_disk_are_those_of_the_collection(filed):
    assert read_findings(filed.layout.findings("tiny")) == filed.findings
