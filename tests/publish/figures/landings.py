"""Made-up rows of LANDING."""

import math

import pandas as pd

from rsuper.evaluate.landing import NO_BALL, NO_TRUTH, NO_TUMOR
from rsuper.publish.figures.tables import LANDING


def landed(step, share=0.5, **changes):
    """A region of the pancreas with a tumor of 1,000 mm3, of which 500 are predicted."""
    row = {
        "budget": "full",
        "method": "r_super",
        "seed": 0,
        "step": step,
        "case_id": "c",
        "target": "pancreas",
        "structures": "pancreas_head",
        "region_voxels": 100,
        "tumors": 1.0,
        "requested": 10.0,
        "assigned": 10.0,
        "share": share,
        "chance": 0.25,
        "ceiling": 1.0,
        "reported_mm3": 1000.0,
        "predicted_mm3": 500.0,
        "predicted_by": "deep",
        "true_mm3": 1200.0,
        "reason": "",
    }
    return row | changes


def no_truth(step, **changes):
    unknown = dict.fromkeys(("share", "chance", "ceiling", "true_mm3"), math.nan)
    return landed(step, **unknown | {"reason": NO_TRUTH}, **changes)


def volumes_alone(step, **changes):
    numbers = dict.fromkeys(("tumors", "requested", "assigned", "share", "ceiling"), math.nan)
    return landed(step, **numbers | {"reason": NO_BALL}, **changes)


def tumor_free(step, **changes):
    numbers = {"tumors": 0, "requested": 0, "assigned": 0, "share": math.nan, "ceiling": math.nan}
    volumes = {"chance": 0.0, "reported_mm3": 0.0, "true_mm3": 0.0}
    return landed(step, **numbers | volumes | {"reason": NO_TUMOR}, **changes)


def table(rows):
    return pd.DataFrame(rows, columns=list(LANDING.columns))
