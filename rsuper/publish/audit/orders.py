"""What the paper claims against what its tables print, and rows that beat no trivial rule."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from rsuper.publish.audit.counts import Group, Implied, confusions
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE, Finding, about
from rsuper.publish.audit.printed import PrintedRow, Statements, cell_text
from rsuper.publish.audit.rounding import Span, percent_text, span_of, whole_text
from rsuper.publish.claims import PAPER_MASKS, Claim


def check_claims(rows: Sequence[PrintedRow], claims: Sequence[Claim]) -> Iterator[Finding]:
    """Ask of each claim "above" whether the printed numbers say so, cell by cell and over its cells.

    Rounding keeps order, so a larger printed number is larger. Equal numbers, unreadable ones and those in
    guessed columns decide nothing, but one alternative that is printed above contradicts.
    """
    found: dict[str, list[Finding]] = {}
    for claim in claims:
        item = _judge(claim, rows)
        found.setdefault(claim.id.partition("/")[0], []).append(item)
        yield item
    for name, items in found.items():
        yield _over_cells(name, items)


def check_all_positive(
    rows: Sequence[PrintedRow], statements: Statements, implied: Mapping[Group, Implied]
) -> Iterator[Finding]:
    """Ask of each row whether its F1 is above that of calling every CT positive, 2 P / (2 P + N).

    N is what Table 2 implies. The counts behind Se and Sp are used where they fit F1: they may tell a tie.
    """
    for row in rows:
        positives = statements.tumors.get((row.test_set, row.target, row.stratum))
        printed = row.cell("f1")
        negatives = implied.get((row.test_set, row.target), Implied((), 0, 0)).numbers
        if positives is None or printed is None or not negatives or row.guessed:
            continue
        trivial = {n: Fraction(200 * positives, 2 * positives + n) for n in negatives}
        gain = _gain(row, printed, positives, trivial)
        low, high = min(trivial.values()), max(trivial.values())
        verdict = CONSISTENT if gain.low > 0 else INCONSISTENT if gain.high <= 0 else UNDECIDABLE
        yield about(
            row,
            "above_calling_all_positive",
            verdict,
            _trivial_text(row, verdict, gain, percent_text(low, high)),
            metric="f1",
            published=str(printed),
            expected=f"above {percent_text(low, high)}",
            counts=f"{whole_text(negatives)} negatives",
        )


def _judge(claim: Claim, rows: Sequence[PrintedRow]) -> Finding:
    own = _printed(claim, claim.method, rows)
    others = {name: _printed(claim, name, rows) for name in claim.others}
    above = [name for name, value in others.items() if own is not None and value is not None and value > own]
    open_ones = [name for name, value in others.items() if value is None or value == own]
    if claim.not_testable:
        verdict, text = UNDECIDABLE, claim.not_testable
    elif own is None:
        verdict, text = UNDECIDABLE, f"{claim.method} is unreadable"
    elif above:
        verdict = INCONSISTENT
        text = f"{', '.join(f'{name} has {others[name]}' for name in above)}, {claim.method} {own}"
    elif open_ones:
        words = [f"{name} {'is unreadable' if others[name] is None else 'ties'}" for name in open_ones]
        verdict, text = UNDECIDABLE, f"above the rest, but {', '.join(words)}"
    else:
        verdict, text = CONSISTENT, "above every alternative named"
    return Finding(
        check=f"claim {claim.id.partition('/')[0]}",
        verdict=verdict,
        finding=text,
        table="2" if claim.stratum == "all" else "3",
        test_set=claim.test_set,
        target=claim.target,
        stratum=claim.stratum,
        method=claim.method,
        masks=_masks(claim),
        metric=claim.metric,
        published=cell_text(own),
        expected="above " + ", ".join(f"{name} {cell_text(value)}" for name, value in others.items()),
    )


def _over_cells(name: str, items: Sequence[Finding]) -> Finding:
    by_verdict = {
        verdict: [item for item in items if item.verdict == verdict]
        for verdict in (CONSISTENT, INCONSISTENT, UNDECIDABLE)
    }
    words = {CONSISTENT: "above in", INCONSISTENT: "below in", UNDECIDABLE: "open in"}
    parts = [
        f"{words[verdict]} {', '.join(_cell_text(item) for item in found)}"
        for verdict, found in by_verdict.items()
        if found
    ]
    worst = (
        INCONSISTENT if by_verdict[INCONSISTENT] else UNDECIDABLE if by_verdict[UNDECIDABLE] else CONSISTENT
    )
    return Finding(
        check=f"claim {name}",
        verdict=worst,
        finding="; ".join(parts),
        table=" ".join(dict.fromkeys(item.table for item in items)),
        method=items[0].method,
        published=f"{len(by_verdict[CONSISTENT])} of {len(items)} cells above",
        expected="every cell above",
    )


def _cell_text(item: Finding) -> str:
    parts = [item.target, item.test_set, "" if item.stratum == "all" else item.stratum, item.metric]
    return " ".join(part for part in parts if part)


def _printed(claim: Claim, method: str, rows: Sequence[PrintedRow]) -> int | None:
    """Return a method's printed number in a claim's cell; None where unreadable or in a guessed column."""
    for row in rows:
        if row.run == (method, _masks(claim), claim.target, claim.test_set) and row.stratum == claim.stratum:
            return None if row.guessed else row.cell(claim.metric)
    return None


def _masks(claim: Claim) -> int:
    return PAPER_MASKS[claim.budget, claim.target]


def _gain(row: PrintedRow, printed: int, positives: int, trivial: Mapping[int, Fraction]) -> Span:
    """Return by how many points F1 is above the trivial one, over all counts, or over its rounding."""
    exact = [
        Fraction(200 * hits, positives + hits + alarms) - base
        for n, base in trivial.items()
        for hits, alarms in confusions(row, positives, n)
    ]
    rough = [
        span_of(printed).low - max(trivial.values()),
        span_of(printed).high - min(trivial.values()),
    ]
    return Span(min(exact or rough), max(exact or rough))


def _trivial_text(row: PrintedRow, verdict: str, gain: Span, base: str) -> str:
    if verdict == CONSISTENT:
        return f"above the {base} of calling every CT positive"
    if verdict == UNDECIDABLE:
        return f"rounding does not tell it from the {base} of calling every CT positive"
    if gain.low == gain.high == 0:
        return f"equals the {base} of calling every CT positive"
    text = f"below the {base} of calling every CT positive"
    # Strata reuse the whole test set's threshold: theirs need not be the best.
    return f"{text}, which a free choice of threshold could not be" if row.stratum == "all" else text
