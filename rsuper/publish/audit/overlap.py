"""Over which CTs Table 2 averages DSC and NSD, recovered from Table 3."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

from rsuper.publish.audit.finding import UNDECIDABLE, Finding, about, verdict_of
from rsuper.publish.audit.printed import PrintedRow, Statements, cell_text
from rsuper.publish.audit.rounding import Span, percent_text, span_of, whole_text
from rsuper.publish.audit.sizes import weighted_mean, whole_and_strata

OVERLAP = ("dsc", "nsd")


def share_of_empty_normals(printed: int, tumor_mean: Span, positives: int, negatives: int) -> Span:
    """Solve for the share of normals predicted empty, in percent, were they averaged in.

    With mean T over P tumor CTs, and N normals that score 1 where the prediction is empty and 0 elsewhere,
    the table prints (P T + N s) / (P + N). The share is not cut to 0 to 100: outside, the reading fails.

    Raises:
        ValueError: there are no normals.
    """
    if negatives < 1:
        raise ValueError(f"negatives must be at least 1, got {negatives}")
    whole = span_of(printed).times(positives + negatives)
    return (whole + tumor_mean.times(-positives)).times(Fraction(1, negatives))


def check_overlap(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """Hold Table 2's DSC and NSD against two readings: tumor CTs alone, and all CTs with empty on empty 1.

    Table 3's means are over tumor CTs; its strata are weighted by their stated sizes. The second reading is
    tested by solving for the share of empty normals from DSC and from NSD apart: the same whole number of
    normals has to serve both.
    """
    decided: dict[str, list[bool]] = {}
    for whole, strata in whole_and_strata(rows):
        sizes = statements.sizes(whole.test_set, whole.target)
        normals = statements.normals.get(whole.test_set)
        if sizes is None or not normals or not set(OVERLAP) & set(whole.cells):
            continue
        means = {metric: weighted_mean([part.cell(metric) for part in strata], sizes) for metric in OVERLAP}
        found = [
            *_tumor_alone(whole, means),
            _all_cases(whole, means, sizes["all"], normals),
        ]
        for item in found:
            if item.verdict != UNDECIDABLE:
                decided.setdefault(item.check, []).append(item.verdict == verdict_of(True))
        yield from found
    for check, verdicts in decided.items():
        yield _summary(check, verdicts)


def _tumor_alone(row: PrintedRow, means: dict[str, Span | None]) -> Iterator[Finding]:
    for metric, mean in means.items():
        printed = row.cell(metric)
        if printed is None or mean is None or row.guessed:
            verdict, text = UNDECIDABLE, _missing(row)
        else:
            verdict = verdict_of(mean.meets(span_of(printed)))
            average = percent_text(mean.low, mean.high)
            text = f"Table 3's strata average {average} over tumor CTs, printed is {printed}"
        yield about(
            row,
            "overlap_over_tumor_cts_alone",
            verdict,
            text,
            metric=metric,
            published=cell_text(printed),
            expected="" if mean is None else percent_text(mean.low, mean.high),
        )


def _all_cases(row: PrintedRow, means: dict[str, Span | None], positives: int, normals: int) -> Finding:
    shares = {
        metric: share_of_empty_normals(printed, mean, positives, normals)
        for metric, mean in means.items()
        if mean is not None and (printed := row.cell(metric)) is not None
    }
    texts = [f"{percent_text(_middle(share))} from {metric.upper()}" for metric, share in shares.items()]
    whole = [_whole(share, normals) for share in shares.values()]
    common = sorted(set.intersection(*whole)) if whole else []
    if len(shares) < len(OVERLAP) or row.guessed:
        verdict = UNDECIDABLE
        text = f"{_missing(row)}{'; share of empty normals ' + texts[0] if texts else ''}"
    else:
        verdict = verdict_of(bool(common))
        mean = " / ".join(percent_text(_middle(mean)) for mean in means.values() if mean is not None)
        text = (
            f"DSC / NSD over tumor CTs alone {mean}; share of normals predicted empty: "
            f"{' and '.join(texts)}, each to {_reach(shares):.1f} points"
        )
    return about(
        row,
        "overlap_over_all_cts",
        verdict,
        text,
        metric=" ".join(OVERLAP),
        published=", ".join(f"{metric} {cell_text(row.cell(metric))}" for metric in OVERLAP),
        expected="one share of empty normals from both",
        counts=f"{whole_text(common)} of {normals} empty" if len(shares) == len(OVERLAP) else "",
    )


def _whole(share: Span, normals: int) -> set[int]:
    """Return the numbers of empty normals, of `normals`, that a share allows."""
    low, high = share.low * normals / 100, share.high * normals / 100
    return set(range(max(ceil(low), 0), min(floor(high), normals) + 1))


def _middle(span: Span) -> Fraction:
    return (span.low + span.high) / 2


def _reach(shares: dict[str, Span]) -> float:
    return float(max((share.high - share.low) / 2 for share in shares.values()))


def _summary(check: str, verdicts: Sequence[bool]) -> Finding:
    reading = {
        "overlap_over_tumor_cts_alone": "a mean over tumor CTs alone",
        "overlap_over_all_cts": "a mean over all CTs in which an empty prediction on a normal scores 1",
    }[check]
    fits = sum(verdicts)
    unit = "rows" if check == "overlap_over_all_cts" else "cells"
    return Finding(
        check=check,
        verdict=verdict_of(2 * fits > len(verdicts)),
        finding=f"read as {reading}, Table 2 agrees with Table 3 in {fits} of {len(verdicts)} {unit}",
        table="2",
        metric=" ".join(OVERLAP),
        published=f"{fits} of {len(verdicts)} agree",
        expected="all agree",
    )


def _missing(row: PrintedRow) -> str:
    if row.guessed:
        return "the row's cells stand in guessed columns"
    return "a cell of the row or of one of its strata is unreadable"
