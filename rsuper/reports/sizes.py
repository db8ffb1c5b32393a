"""From reported diameters to tumor volume."""

import math
from collections.abc import Sequence


def tumor_volume_mm3(diameters_mm: Sequence[float | int]) -> float:
    """Estimate a tumor's volume from its one to three reported diameters.

    One diameter: a ball. Two: an ellipsoid whose third diameter is their mean. Three: an ellipsoid.
    The order of the diameters does not matter.

    Raises:
        ValueError: No diameter, more than three, or one that is zero, negative, infinite or NaN.

    Source: §2.1.
    """
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
    return math.pi / 6 * first * second * third
