"""How well an extractor reads: what reports state against what was extracted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rsuper.reports.findings import TARGETS, ReportFindings

# Stated sizes are whole millimetres, or tenths of a centimetre.
_ROUNDING_MM = 0.5

ASPECTS = ("presence", "segments", "diameters", "count")


@dataclass(frozen=True)
class Comparison:
    """One report and target: is each aspect as stated? None where the report states no tumor of the target.

    Segments and diameters are compared as multisets over the tumors; a tumor missed or invented is an error.
    """

    case_id: str
    target: str
    presence: bool
    segments: bool | None
    diameters: bool | None
    count: bool | None


def compare_cases(
    truth: Sequence[ReportFindings], extracted: Sequence[ReportFindings]
) -> tuple[Comparison, ...]:
    """Compare report by report, to list the disagreements.

    Args:
        truth: What each report states (not what is in the CT: noise of the report is no error of extraction).
        extracted: What was read, in any order.

    Raises:
        ValueError: A case stands twice in one of them, or is in one and not the other.
    """
    read = {e.case_id: e for e in extracted}
    stated = {t.case_id: t for t in truth}
    if len(read) != len(extracted) or len(stated) != len(truth) or read.keys() != stated.keys():
        wrong = sorted(read.keys() ^ stated.keys())[:5]
        raise ValueError(f"truth and extracted must hold the same cases once each; only in one: {wrong}")
    return tuple(compare_target(t, read[case], target) for case, t in stated.items() for target in TARGETS)


def compare(
    truth: Sequence[ReportFindings], extracted: Sequence[ReportFindings]
) -> dict[str, dict[str, float]]:
    """Give the share of reports read as stated, per target and aspect.

    Returns:
        Per target: `presence` over all reports, `segments`, `diameters` (within rounding, 0.5 mm) and `count`
        over reports that state a tumor of the target, each with its `n_...`; NaN where n is 0.

    Raises:
        ValueError: A case stands twice in one of them, or is in one and not the other.
    """
    cases = compare_cases(truth, extracted)
    result: dict[str, dict[str, float]] = {}
    for target in TARGETS:
        result[target] = {}
        for aspect in ASPECTS:
            right = [getattr(c, aspect) for c in cases if c.target == target]
            known = [r for r in right if r is not None]
            result[target][aspect] = sum(known) / len(known) if known else math.nan
            result[target][f"n_{aspect}"] = len(known)
    return result


def compare_target(truth: ReportFindings, read: ReportFindings, target: str) -> Comparison:
    """Compare what was read of one target of one report."""
    stated, found = truth.of(target), read.of(target)
    presence = any(f.certain for f in stated) == any(f.certain for f in found)
    if not stated:
        return Comparison(truth.case_id, target, presence, None, None, None)
    return Comparison(
        case_id=truth.case_id,
        target=target,
        presence=presence,
        segments=sorted(f.segments for f in stated) == sorted(f.segments for f in found),
        diameters=_same_sizes([f.diameters_mm for f in stated], [f.diameters_mm for f in found]),
        count=_total([f.count for f in stated]) == _total([f.count for f in found]),
    )


def _same_sizes(first: Sequence[tuple[float, ...]], second: Sequence[tuple[float, ...]]) -> bool:
    pairs = zip(sorted(first), sorted(second), strict=False)
    return len(first) == len(second) and all(
        len(a) == len(b) and all(abs(x - y) <= _ROUNDING_MM for x, y in zip(a, b, strict=True))
        for a, b in pairs
    )


def _total(counts: Sequence[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if len(known) == len(counts) else None
