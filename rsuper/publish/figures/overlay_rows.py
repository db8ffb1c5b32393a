"""From chosen cases to the rows of overlay_balls.csv: slice, numbers, and where the reported ball is best."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rsuper.collection import Collection
from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import read_grid
from rsuper.evaluate.cases import TargetInput
from rsuper.evaluate.read import PredictedSet
from rsuper.publish.figures.overlay_cases import Choice, View, best_view
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.figures.tables import OVERLAYS
from rsuper.reports.findings import Finding, ReportFindings

Spacing = tuple[float, float, float]
NUMBERS = ("dsc", "predicted_volume_mm3", "truth_volume_mm3")
# Finds the ball's center: probabilities, diameter in mm, spacing in mm, region -> voxel.
Locate = Callable[
    [Float[np.ndarray, "x y z"], float, Spacing, Bool[np.ndarray, "x y z"]], tuple[int, int, int]
]


def overlays_frame(
    choices: Sequence[Choice],
    runs: Sequence[Run],
    chooser: Run | None,
    cases: pd.DataFrame,
    collection: Collection,
    locate: Locate,
) -> pd.DataFrame:
    """List what is drawn for every chosen case and run; no choice gives no row.

    The ball has the largest diameter in the report and lies in what the report names: the segment or kidney,
    where it has a mask, else the organ. Without a prediction, a tumor in the report or a size of it there is
    no ball, and `reason` says why.

    Args:
        choices: cases to show.
        runs: runs to show, `chooser` among them.
        chooser: run whose prediction decides on the slice of tumor-free cases.
        cases: columns of CASES with budget, method and seed, of all `runs`.
        collection: cohorts and findings.
        locate: the Ball Convolution, which needs torch.

    Raises:
        DataError: a mask is damaged or on another grid than its CT.
    """
    chosen = cases[cases["case_id"].isin([choice.case_id for choice in choices])]
    keys = chosen[["budget", "method", "seed", "target", "case_id"]].itertuples(index=False, name=None)
    scored = dict(zip(keys, chosen.to_dict("records"), strict=True))
    rows = []
    for choice in choices:
        own = {run: read_target(collection, run, choice) for run in runs}
        spacing_mm = read_grid(Path(collection.row(choice.case_id)["ct"])).spacing_mm
        view = _view(own, chooser, spacing_mm)
        for run, item in own.items():
            numbers = scored.get((*run, choice.target, choice.case_id), {})
            ball = _ball(item, choice, collection, spacing_mm, locate)
            rows.append(asdict(choice) | _columns(run, view) | {n: numbers.get(n) for n in NUMBERS} | ball)
    return pd.DataFrame(rows, columns=list(OVERLAYS.columns))


def read_target(collection: Collection, run: Run, choice: Choice) -> TargetInput | None:
    """Read what is known about a chosen case and what a run predicts; None where it is not its target.

    Raises:
        ArtifactError: the run has no predictions.
        DataError: a mask is damaged or on another grid than its CT.
    """
    folder = collection.layout.run(*run)
    predicted = PredictedSet(collection, folder, choice.test_set)
    known = {str(target): item for target, item in predicted.case(choice.case_id).targets.items()}
    return known.get(choice.target)


def _view(items: dict[Run, TargetInput | None], chooser: Run | None, spacing_mm: Spacing) -> View:
    known = items[chooser] if chooser else None
    assert known is not None  # the chooser scored every case that was chosen
    return best_view(known.truth, known.probability, known.organ, spacing_mm)


def _columns(run: Run, view: View) -> dict[str, object]:
    budget, method, seed = run
    place = {"slice_z": view.z, "view_x": view.x, "view_y": view.y, "view_mm": view.side_mm}
    return {"budget": budget, "method": method, "seed": seed} | place


def _ball(
    item: TargetInput | None, choice: Choice, collection: Collection, spacing_mm: Spacing, locate: Locate
) -> dict[str, object]:
    findings = collection.findings.get(choice.case_id)
    finding = largest_finding(findings, choice.target)
    diameter_mm = finding.diameters_mm[0] if finding else math.nan
    start = {"diameter_mm": diameter_mm, "ball_x": math.nan, "ball_y": math.nan, "ball_z": math.nan}
    if item is None:
        return start | {"reason": "not a target of this method"}
    if item.probability is None:
        return start | {"reason": item.reason}
    if finding is None:
        return start | {"reason": "no tumor of known size in the report" if findings else "no report"}
    region = _named_region(finding, choice.case_id, collection)
    region = item.organ if region is None or not region.any() else region
    if region is None or not region.any():
        return start | {"reason": "no organ mask"}
    x, y, z = locate(item.probability, diameter_mm, spacing_mm, region)
    return start | {"ball_x": x, "ball_y": y, "ball_z": z, "reason": ""}


def largest_finding(findings: ReportFindings | None, target: str) -> Finding | None:
    """Return the certain finding with the largest diameter; None where there is none with a size."""
    found: Iterator[Finding] = iter(findings.of(target) if findings else ())
    sized = [item for item in found if item.certain and item.diameters_mm]
    return max(sized, key=lambda item: item.diameters_mm[0], default=None)


def _named_region(finding: Finding, case_id: str, collection: Collection) -> Bool[np.ndarray, "x y z"] | None:
    """Union of the structures that a report names; None where it names none or one has no mask."""
    row = collection.row(case_id)
    if not finding.segments or not set(finding.structures) <= set(row["organs"].split()):
        return None
    reader = MaskReader(case_masks(row), read_grid(Path(row["ct"])))
    union: Bool[np.ndarray, "x y z"] = np.logical_or.reduce(
        [reader.organ(name) for name in finding.structures]
    )
    return union
