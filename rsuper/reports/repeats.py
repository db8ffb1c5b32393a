"""One tumor told twice: the same finding in the text and again in the impression."""

from collections.abc import Sequence

from rsuper.reports.findings import SEGMENTS, Finding

# Two sizes of one tumor in one report differ by rounding only ("2.3 cm" for 23 mm).
_ROUNDING_MM = 1.5


def merge_repeats(findings: Sequence[Finding], summary: Sequence[Finding]) -> tuple[Finding, ...]:
    """Add the impression's findings to those of the text, each tumor once.

    A finding of the impression that fits one of the text (same organ, no contradicting segment or size) is
    the same tumor and fills in what the text left open, if only one fits. One that fits none is added.
    """
    result = list(findings)
    for again in summary:
        fitting = [i for i, f in enumerate(result) if fits(f, again)]
        exact = [i for i in fitting if result[i].diameters_mm and again.diameters_mm]
        candidates = exact or fitting
        if len(candidates) == 1:
            result[candidates[0]] = fill(result[candidates[0]], again)
        elif not candidates:
            result.append(again)
    return tuple(result)


def fits(first: Finding, second: Finding) -> bool:
    """Whether two findings can be one tumor: nothing that both state differs."""
    if first.organ != second.organ:
        return False
    if first.segments and second.segments and not set(first.segments) & set(second.segments):
        return False
    if first.diameters_mm and second.diameters_mm:
        return abs(first.diameters_mm[0] - second.diameters_mm[0]) <= _ROUNDING_MM
    return True


def fill(first: Finding, second: Finding) -> Finding:
    """Complete `first` with what only `second` states; more diameters win over fewer."""
    longer = second if len(second.diameters_mm) > len(first.diameters_mm) and second.count == 1 else first
    segments = first.segments or second.segments
    return first.model_copy(
        update={
            "segments": tuple(s for s in SEGMENTS[first.organ] if s in segments),
            "diameters_mm": longer.diameters_mm,
            "attenuation": first.attenuation or second.attenuation,
            "certain": first.certain or second.certain,
            "prior_mm": first.prior_mm or second.prior_mm,
        }
    )
