"""From reported diameters to tumor volume."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

SizeRule = Literal["paper", "calibrated"]
SIZE_RULES: tuple[SizeRule, ...] = get_args(SizeRule)


@dataclass(frozen=True)
class Calibration:
    """What the `calibrated` rule multiplies the paper's volume with, and the factor's 95 % interval."""

    factor: float
    low: float
    high: float


# By number of diameters given. Made by benchmarks/calibrate_sizes.py from the masks of 112 real tumors in 83
# patients (KiTS19: 35 tumors, KiTS23 with several tumors: 45 in 16 patients, PANORAMA: 32): geometric mean of
# true volume / volume by the paper's rule, bootstrap over patients. Diameters are measured edge to edge
# (outer corners of the outermost voxels), as a caliper spans a tumor and as `rsuper.metrics.strata` does.
CALIBRATION: Mapping[int, Calibration] = MappingProxyType(
    {
        1: Calibration(factor=0.607, low=0.566, high=0.644),
        2: Calibration(factor=0.920, low=0.868, high=0.974),
        3: Calibration(factor=0.897, low=0.863, high=0.932),
    }
)


def tumor_volume_mm3(diameters_mm: Sequence[float | int], *, rule: SizeRule = "paper") -> float:
    """Estimate a tumor's volume from its one to three reported diameters.

    One diameter: a ball. Two: an ellipsoid whose third diameter is their mean. Three: an ellipsoid.
    The order of the diameters does not matter.

    Args:
        diameters_mm: As reported.
        rule: "paper" is the above. "calibrated" multiplies it with a factor by the number of diameters, as a
            tumor is smaller than the ball around its longest diameter. The factors hold for the longest axial
            diameter; with two also its perpendicular; with three also the cranio-caudal extent. A shorter
            single diameter, as hospitals' records often have, is closer to the volume by the paper's rule.

    Raises:
        ValueError: No diameter, more than three, or one that is zero, negative, infinite or NaN; an unknown
            rule.

    Source: §2.1 (rule "paper").
    """
    if rule not in SIZE_RULES:
        raise ValueError(f"rule must be one of {SIZE_RULES}, got {rule!r}")
    given = tuple(float(d) for d in diameters_mm)
    if not 1 <= len(given) <= 3 or any(not 0 < d < math.inf for d in given):
        raise ValueError(f"diameters_mm must be one to three positive finite numbers, got {given}")
    if len(given) == 1:
        first = second = third = given[0]
    elif len(given) == 2:
        first, second = given
        third = (first + second) / 2
    else:
        first, second, third = given
    paper_mm3 = math.pi / 6 * first * second * third
    return paper_mm3 if rule == "paper" else CALIBRATION[len(given)].factor * paper_mm3
