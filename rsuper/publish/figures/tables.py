"""Tables that pass between the rules of the figures; how they are written and read is `rsuper.artifacts`."""

from rsuper.schemas import COUNT, NUMBER, TEXT, Table

VOLUME_LOSS = Table(
    "volume_loss.csv",
    {
        "reported_mm3": NUMBER,
        "tolerance": NUMBER,
        "predicted_mm3": NUMBER,
        "loss": NUMBER,
        "gradient_per_cm3": NUMBER,
        "free_from_mm3": NUMBER,
        "free_to_mm3": NUMBER,
    },
)
SIZES = Table(
    "sizes.csv",
    {
        "case_id": TEXT,
        "target": TEXT,
        "tumor": TEXT,  # yes | no | unknown
        "source": TEXT,  # mask | report; blank where unknown
        "n_tumors": NUMBER,
        "report_diameter_mm": NUMBER,
        "mask_diameter_mm": NUMBER,
    },
)
OVERLAYS = Table(
    "overlay_balls.csv",
    {
        "target": TEXT,
        "kind": TEXT,  # median | worst | tumor-free
        "case_id": TEXT,
        "test_set": TEXT,
        "budget": TEXT,
        "method": TEXT,
        "seed": COUNT,
        "slice_z": COUNT,  # axial slice and middle of the view: voxels of the CT in RAS+ order
        "view_x": NUMBER,
        "view_y": NUMBER,
        "view_mm": NUMBER,  # side of the view
        "dsc": NUMBER,
        "predicted_volume_mm3": NUMBER,
        "truth_volume_mm3": NUMBER,
        "diameter_mm": NUMBER,  # the report's; blank where it gives none
        "ball_x": NUMBER,  # center of the ball, in voxels; blank where there is no ball
        "ball_y": NUMBER,
        "ball_z": NUMBER,
        "reason": TEXT,  # why there is no prediction or no ball
    },
)
CURVE = Table(
    "curve.csv",
    {
        "curve": TEXT,  # a: over masks, at all reports | b: over reports, at the same masks
        "target": TEXT,
        "test_set": TEXT,
        "metric": TEXT,  # f1 (rule oracle_test) | auc | dsc_tumor (tumor cases alone)
        "method": TEXT,
        "budget": TEXT,
        "masks": COUNT,  # tumor CTs of the target that the run saw a mask of
        "reports": COUNT,  # and a report of; 0 for segmentation
        "seed": TEXT,  # "all": the point that is drawn where a run has several; they stand below it
        "value": NUMBER,
        "ci_low": NUMBER,
        "ci_high": NUMBER,
        "n_positive": COUNT,
        "n_negative": COUNT,
        "reason": TEXT,  # why there is no value
    },
)
EXTRACTION_ERRORS = Table(
    "extraction_errors.csv",
    {
        "budget": TEXT,
        "target": TEXT,
        "test_set": TEXT,
        "metric": TEXT,  # as in curve.csv
        "method": TEXT,
        "error": TEXT,  # a key of ErrorRates; blank for segmentation and for the reference, which makes none
        "rate": NUMBER,  # of that error; 0 for the reference, blank for segmentation
        "seed": TEXT,  # "all" where a run has several
        "value": NUMBER,
        "ci_low": NUMBER,
        "ci_high": NUMBER,
        "cost": NUMBER,  # the reference's value minus this one, with its paired interval
        "cost_low": NUMBER,
        "cost_high": NUMBER,
        "reason": TEXT,  # why there is no value
    },
)
LANDING = Table(
    "landing.csv",  # a row per region that a report supervised in a step with a log line
    {
        "budget": TEXT,
        "method": TEXT,
        "seed": COUNT,
        "step": COUNT,
        "case_id": TEXT,
        "target": TEXT,
        "structures": TEXT,  # what the region consists of, blank-separated
        "region_voxels": COUNT,
        "tumors": NUMBER,  # reported in the region; blank without a Ball Loss, as the next two
        "requested": NUMBER,  # voxels that the reported tumors ask for
        "assigned": NUMBER,  # voxels that they got
        "share": NUMBER,  # of the assigned voxels: inside a true tumor of the target
        "chance": NUMBER,  # what random voxels of the region would reach
        "ceiling": NUMBER,  # what the best choice of as many voxels in the region would reach
        "reported_mm3": NUMBER,
        "predicted_mm3": NUMBER,
        "predicted_by": TEXT,  # deep (the output with the Volume Loss) | final
        "true_mm3": NUMBER,  # true tumor in the region
        "reason": TEXT,  # why there is no share
    },
)
