"""Columns of every table that passes between two rules, and what their cells hold."""

from dataclasses import dataclass

TEXT, NUMBER, COUNT, FLAG = "text", "number", "count", "flag"


@dataclass(frozen=True)
class Table:
    """Columns of one kind of CSV, each with what its cells hold."""

    name: str
    columns: dict[str, str]


COHORT = Table(
    "cohort.csv",
    {
        "case_id": TEXT,
        "patient_id": TEXT,
        "dataset": TEXT,
        "role": TEXT,
        "ct": TEXT,
        "segmentations": TEXT,  # folder of the masks, or of the first where a column `masks` tells of each
        "organs": TEXT,  # names of the structures that have a mask file, blank-separated
        "annotated": TEXT,  # targets whose tumors are segmented (an empty mask counts), blank-separated
        "has_report": FLAG,
        "shape": TEXT,
        "spacing_mm": TEXT,
        "phase": TEXT,
        "age": NUMBER,
        "sex": TEXT,
        "scanner": TEXT,
        "sha256": TEXT,  # of the CT, its masks and what its report says: a change of any changes it
        "state_pancreas": TEXT,
        "state_kidney_left": TEXT,
        "state_kidney_right": TEXT,
        "reason": TEXT,  # why the case cannot be used; blank where it can
        # Where a data set needs them: masks (where each comes from: rsuper/data/mask_sources.py) and
        # tumor_counts (target:count, where tumors of one mask are told apart).
    },
)
ORGANS = Table(
    "organs.csv",
    {
        "case_id": TEXT,
        "state": TEXT,  # made | had masks | not tried | failed
        "seconds": NUMBER,  # that the command took
        "masks": TEXT,  # made ones that have a voxel, as in cohort.csv
        "reason": TEXT,  # why there are none; of cases that were not tried, why they cannot be used
    },
)
VOLUMES = Table(
    "volumes.csv",
    {"case_id": TEXT, "shape": TEXT, "spacing_mm": TEXT, "has_tumors": FLAG, "reason": TEXT},
)
PSEUDO_LABELS = Table(
    "pseudo_labels.csv",
    {
        "case_id": TEXT,
        "target": TEXT,
        "reported": NUMBER,  # tumors; blank where the report gives no number
        "found": COUNT,  # candidates, up to the number reported
        "used": FLAG,  # whether the case is trained on
        "reason": TEXT,  # why it is not
    },
)
EXTRACTION_LEDGER = Table(
    "extraction.csv",
    {
        "case_id": TEXT,
        "status": TEXT,  # parsed | repaired | failed
        "reason": TEXT,  # why not simply parsed; nothing of the report
        "read_by": TEXT,  # llm | rules | table | nobody
        "rounds": COUNT,  # times the model was asked; kept answers count as when they came
        "seconds": NUMBER,
        "version": TEXT,  # prompt, its hash, model
        "key": TEXT,  # of the kept answer
    },
)
REPORT_VECTORS = Table("report_vectors.csv", {"case_id": TEXT})  # then one column per number
PREDICTIONS = Table(
    "predictions.csv",
    {"case_id": TEXT, "target": TEXT, "file": TEXT, "reason": TEXT},
)
CASES = Table(
    "cases.csv",
    {
        "case_id": TEXT,
        "patient_id": TEXT,
        "test_set": TEXT,
        "target": TEXT,
        "truth": FLAG,
        "truth_source": TEXT,  # mask | report
        "largest_diameter_mm": NUMBER,
        "diameter_source": TEXT,  # report | mask
        "stratum": TEXT,  # small | large | unknown; blank for tumor-free
        "score_top_volume_mean": NUMBER,
        "score_max_probability": NUMBER,
        "score_volume_above": NUMBER,
        "truth_volume_mm3": NUMBER,
        "predicted_volume_mm3": NUMBER,
        "tumors": NUMBER,  # true ones; how many of them the mask finds, and its false pieces
        "tumors_found": NUMBER,
        "false_positives": NUMBER,
        "dsc": NUMBER,
        # nsd_{boundary}_{tolerance}mm columns follow, one per boundary element and configured tolerance
        "reason": TEXT,
    },
)
METRICS = Table(
    "metrics.csv",
    {
        "budget": TEXT,
        "method": TEXT,
        "seed": TEXT,  # "all": means over all seeds of the run
        "test_set": TEXT,
        "target": TEXT,
        "stratum": TEXT,  # all | small | large
        "metric": TEXT,
        "convention": TEXT,  # all_cases | tumor_cases for dsc and nsd; blank else
        "rule": TEXT,  # oracle_test | validation for f1, sensitivity, specificity; blank else
        "value": NUMBER,
        "ci_low": NUMBER,
        "ci_high": NUMBER,
        "interval": TEXT,
        "n_positive": COUNT,
        "n_negative": COUNT,
        "threshold": NUMBER,
        "reason": TEXT,  # why there is no value
    },
)
COMPARISONS = Table(
    "comparisons.csv",
    {
        "budget": TEXT,
        "method": TEXT,  # the reference, R-Super
        "other": TEXT,
        "seed": TEXT,
        "test_set": TEXT,
        "target": TEXT,
        "stratum": TEXT,
        "metric": TEXT,  # auc | f1 | dsc | nsd
        "convention": TEXT,
        "rule": TEXT,
        "difference": NUMBER,  # method minus other
        "ci_low": NUMBER,
        "ci_high": NUMBER,
        "test": TEXT,  # delong | permutation | sign_flip
        "p_value": NUMBER,
        "p_adjusted": NUMBER,  # Holm over the alternatives of one budget and test set
        "ablation": FLAG,
        "reason": TEXT,
    },
)
FAILED_RUNS = Table(
    "failed_runs.csv",
    {
        "budget": TEXT,
        "method": TEXT,
        "seed": TEXT,
        "target": TEXT,  # blank: all
        "sign": TEXT,  # no mask | one score | no learning
        "finding": TEXT,
    },
)
LEAKED = Table(
    "leaked.csv",
    {
        "case_id": TEXT,
        "patient_id": TEXT,
        "role": TEXT,  # of the case: a test set's
        "training_roles": TEXT,  # that the patient has too, blank-separated
    },
)
AUDIT_FACTS = Table(
    "audit facts",
    {
        "case_id": TEXT,
        "file": TEXT,  # ct, an organ mask, or <target>_tumor
        "problem": TEXT,  # why it cannot be read; blank where it can
        "image": TEXT,  # of the CT: hash of its voxels in RAS+, whatever order, type or compression
        "hu_min": NUMBER,
        "hu_median": NUMBER,
        "hu_high": NUMBER,  # 99.9 % of the voxels are not above
        "hu_max": NUMBER,
        "values": NUMBER,  # distinct ones, in whole HU
        "not_finite": NUMBER,  # voxels
        "oblique_deg": NUMBER,  # largest angle between an axis of the volume and the patient's
        "volume_ml": NUMBER,  # of a mask, as what follows
        "center_x_mm": NUMBER,  # from the first voxel, RAS+; blank where the mask is empty
        "center_y_mm": NUMBER,
        "extent_mm": NUMBER,  # longest edge of its bounding box
        "inside": NUMBER,  # of a tumor: share of its voxels within the grown organ; blank without organ mask
    },
)
AUDIT = Table(
    "audit.csv",
    {
        "check": TEXT,
        "severity": TEXT,  # stop | warning | note
        "n_cases": COUNT,
        "cases": TEXT,  # the first ones, blank-separated
        "finding": TEXT,
        "action": TEXT,  # what the suite does with them
        "advice": TEXT,
    },
)
PAPER_AUDIT = Table(
    "paper_audit.csv",
    {
        "check": TEXT,
        "verdict": TEXT,  # consistent | inconsistent | undecidable
        "finding": TEXT,  # in one line; says why where undecidable
        "table": TEXT,  # of the paper; blank for its text
        "test_set": TEXT,
        "target": TEXT,
        "stratum": TEXT,
        "method": TEXT,
        "masks": NUMBER,
        "metric": TEXT,
        "published": TEXT,
        "expected": TEXT,
        "counts": TEXT,  # whole numbers that the rounding allows
    },
)
METADATA = Table(
    "metadata.csv",
    {
        "case_id": TEXT,
        "patient_id": TEXT,
        "role": TEXT,
        "phase": TEXT,
        "age": NUMBER,
        "sex": TEXT,
        "scanner": TEXT,
    },
)
REPORTS = Table("reports.csv", {"case_id": TEXT, "report": TEXT})
