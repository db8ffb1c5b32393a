"""Checks of CTs: what cannot be read, implausible spacing, size, orientation and intensities."""

from collections.abc import Iterator

import pandas as pd

from rsuper.data.audit.known import Fault, Known
from rsuper.data.audit.paths import without_paths
from rsuper.data.volumes import AIR_AT_MOST_HU

USED = "used as they are"
REFUSED = "left out; the run stops where metadata.csv names them"
ONLY_AIR = "nothing but air"
REPAIR = "look at the CT and repair its header, or drop the case from its metadata table"
# Voxel edges: PanTS goes up to 10 mm; 1,024 voxels across a child are 0.25 mm.
SPACING_MM = (0.2, 10.0)
# Less than 60 mm holds no pancreas or kidney. Across the body scanners see up to 700 mm (800 mm extended).
ACROSS_MM, ALONG_MM = (60.0, 850.0), (60.0, 2200.0)
MOST_OBLIQUE_DEG = 10.0
LOST_HEADER_VOXELS = 512
FEW_VALUES = 64
HU_RANGE = (-4096, 4096)
NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"


def unusable_cases(known: Known) -> Iterator[Fault]:
    """Every listed case can be used."""
    rows = known.cohorts[known.cohorts["reason"] != ""]
    reasons = [
        without_paths(
            str(row.reason),
            {
                str(row.ct): "the CT",
                str(row.segmentations): "the masks",
                str(row.case_id): "the case",  # it is named beside the reason
            },
        )
        for row in rows.itertuples(index=False)
    ]
    for reason, own in _alike(rows.assign(text=reasons)):
        yield Fault("note", f"cannot be used: {reason}", list(own["case_id"]), "left out", "see the reason")


def damaged_files(known: Known) -> Iterator[Fault]:
    """Every CT and mask can be read, and masks hold the labels 0 and 1 alone."""
    rows = known.used_facts[known.used_facts["problem"] != ""]
    rows = rows.assign(
        text=rows["file"] + ": " + rows["problem"], strict=~rows["case_id"].isin(known.droppable)
    )
    repair = "repair the file and list the cases again (--forcerun cohort), or drop the case"
    for text, own in _alike(rows[rows["strict"]]):
        yield Fault("stop", text, list(own["case_id"]), "the run stops", repair)
    for text, own in _alike(rows[~rows["strict"]]):
        yield Fault("warning", text, list(own["case_id"]), "left out", repair)


def _alike(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows whose `text` differs by numbers alone, under the text of the first of them."""
    if rows.empty:
        return
    pattern = rows["text"].str.replace(NUMBER, "#", regex=True)
    for _, own in rows.groupby(pattern, sort=True):
        texts = sorted(own["text"].unique())
        yield texts[0] + (" (with other numbers in some)" if len(texts) > 1 else ""), own


def spacing(known: Known) -> Iterator[Fault]:
    """Voxel edges are between 0.2 and 10 mm, and not what a lost header leaves."""
    cohort = known.cohort
    edges, voxels = _triples(cohort["spacing_mm"]), _triples(cohort["shape"])
    low, high = SPACING_MM
    wrong = ((edges < low) | (edges > high)).any(axis=1)
    if wrong.any():
        text = f"voxel edges outside {low:g} to {high:g} mm"
        yield Fault("warning", text, list(cohort.loc[wrong, "case_id"]), USED, REPAIR)
    lost = (edges == 1).all(axis=1) & (voxels[["x", "y"]] >= LOST_HEADER_VOXELS).all(axis=1)
    if lost.any():
        text = f"exactly 1 mm on every axis with {LOST_HEADER_VOXELS} voxels across: a lost header?"
        yield Fault("warning", text, list(cohort.loc[lost, "case_id"]), USED, REPAIR)


def field_of_view(known: Known) -> Iterator[Fault]:
    """A CT is as large as a part of a body."""
    cohort = known.cohort
    sizes = _triples(cohort["spacing_mm"]) * _triples(cohort["shape"])
    for axes, (low, high), way in ((["x", "y"], ACROSS_MM, "across"), (["z"], ALONG_MM, "along")):
        wrong = ((sizes[axes] < low) | (sizes[axes] > high)).any(axis=1)
        if wrong.any():
            text = f"extent {way} the body outside {low:g} to {high:g} mm"
            yield Fault("warning", text, list(cohort.loc[wrong, "case_id"]), USED, REPAIR)


def orientation(known: Known) -> Iterator[Fault]:
    """The volume is upright, the left kidney is on the left, and the pancreas in front of the kidneys."""
    cts = known.cts
    tilted = list(cts.loc[cts["oblique_deg"] > MOST_OBLIQUE_DEG, "case_id"])
    if tilted:
        text = f"an axis of the volume is more than {MOST_OBLIQUE_DEG:g} degrees off the patient's"
        yield Fault("warning", text, tilted, "used as if upright", REPAIR)
    masks = known.masks
    x = masks.pivot(index="case_id", columns="file", values="center_x_mm")
    y = masks.pivot(index="case_id", columns="file", values="center_y_mm")
    both = ["kidney_left", "kidney_right"]
    if set(both) <= set(x):
        mirrored = x.index[x["kidney_left"] > x["kidney_right"]]  # x grows to the patient's right
        if len(mirrored):
            text = "the left kidney lies right of the right one: a mirrored CT, or swapped masks"
            yield Fault("warning", text, list(mirrored), USED, REPAIR)
    if {"pancreas", *both} <= set(y):
        turned = y.index[y["pancreas"] < y[both].min(axis=1, skipna=False)]
        if len(turned):
            text = "the pancreas lies behind both kidneys: front and back may be swapped"
            yield Fault("warning", text, list(turned), USED, REPAIR)


def intensities(known: Known) -> Iterator[Fault]:
    """Voxels are HU: a CT shows tissue and something darker than water, and is no picture and no mask."""
    cts = known.cts.set_index("case_id")
    kinds = cts.apply(_kind, axis=1) if len(cts) else pd.Series(dtype=str)
    kinds = kinds[kinds != ""]
    for kind, own in kinds.groupby(kinds, sort=True):
        action = REFUSED if kind == ONLY_AIR else USED
        yield Fault("warning", str(kind), list(own.index), action, "convert the CT to HU, or drop the case")
    broken = list(cts.index[cts["not_finite"] > 0])
    if broken:
        text = "voxels that are NaN or infinite"
        yield Fault("warning", text, broken, REFUSED, "replace them, or drop the case")


def _kind(ct: pd.Series) -> str:
    """What a CT seems to be, if not HU; blank if it may be."""
    if ct["hu_min"] == ct["hu_max"]:
        return "every voxel has the same value"
    if ct["hu_high"] <= AIR_AT_MOST_HU:
        return ONLY_AIR
    if ct["values"] <= FEW_VALUES:
        return f"at most {FEW_VALUES} distinct values: a mask in place of the CT, or values scaled to 0 to 1"
    if ct["hu_min"] >= 0:
        picture = ct["hu_max"] <= 255
        return (
            "values from 0 to 255, not HU" if picture else "no value below 0: an offset such as 1024, not HU"
        )
    if ct["hu_min"] < HU_RANGE[0] or ct["hu_high"] > HU_RANGE[1]:
        return f"values far outside {HU_RANGE[0]} to {HU_RANGE[1]}, not HU"
    return ""


def _triples(cells: pd.Series) -> pd.DataFrame:
    """Three numbers per cell, as columns x, y and z."""
    return cells.str.split(" ", expand=True).set_axis(["x", "y", "z"], axis=1).astype(float)
