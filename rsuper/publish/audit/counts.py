"""The counts behind printed sensitivities, specificities and F1: what they give, what they imply."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from rsuper.publish.audit.finding import Finding, about, verdict_of
from rsuper.publish.audit.printed import PrintedRow, Statements
from rsuper.publish.audit.rounding import Span, counts_printed_as, percent_text, rounds_to, whole_text

DETECTION = ("sensitivity", "specificity", "f1")
MOST_NEGATIVES = 500  # numbers of tumor-free CTs above are not tried
TABLE = "2"  # its rows say how many negatives a test set has; all others are held against that

Group = tuple[str, str]  # test set, target


@dataclass(frozen=True)
class Implied:
    """Numbers of negatives that fit the most rows of Table 2; `numbers` is empty where no majority agrees."""

    numbers: tuple[int, ...]
    fitting: int
    rows: int


def f1_span(sensitivity: int, specificity: int, positives: int, negatives: int) -> Span | None:
    """Return F1 in percent over all counts behind a printed Se and Sp; None where there are none."""
    found = counts_printed_as(sensitivity, positives)
    passed = counts_printed_as(specificity, negatives)
    if not found or not passed:
        return None
    return Span(
        _f1(found[0], negatives - passed[0], positives), _f1(found[-1], negatives - passed[-1], positives)
    )


def confusions(row: PrintedRow, positives: int, negatives: int) -> Iterator[tuple[int, int]]:
    """Yield every (true positives, false positives) behind a row's printed Se, Sp and F1.

    Yields nothing where one of the cells is unreadable.
    """
    sensitivity, specificity, f1 = (row.cell(metric) for metric in DETECTION)
    if sensitivity is None or specificity is None or f1 is None:
        return
    for hits in counts_printed_as(sensitivity, positives):
        for passed in counts_printed_as(specificity, negatives):
            alarms = negatives - passed
            if rounds_to(2 * hits, positives + hits + alarms, f1):
                yield hits, alarms


def negatives_of(row: PrintedRow, positives: int) -> list[int]:
    """Return every number of negatives for which some counts give the row's Se, Sp and F1 as printed."""
    return [n for n in range(1, MOST_NEGATIVES + 1) if any(confusions(row, positives, n))]


def implied_negatives(rows: Sequence[PrintedRow], statements: Statements) -> dict[Group, Implied]:
    """Find, per test set and target, the numbers of negatives that the most complete rows of Table 2 allow.

    Fewer than two complete rows, or no number that fits more than half of them, implies nothing.
    """
    votes: dict[Group, list[list[int]]] = {}
    for row in rows:
        positives = statements.tumors.get((row.test_set, row.target, row.stratum))
        if row.table == TABLE and complete(row) and positives:
            votes.setdefault((row.test_set, row.target), []).append(negatives_of(row, positives))
    return {group: _agreed(found) for group, found in votes.items()}


def complete(row: PrintedRow) -> bool:
    """Tell whether Se, Sp and F1 of a row are readable and in known columns."""
    return all(row.cell(metric) is not None for metric in DETECTION) and not row.guessed


def readable(row: PrintedRow, metric: str) -> int:
    """Return a cell of a complete row."""
    value = row.cell(metric)
    assert value is not None
    return value


def detection_text(row: PrintedRow) -> str:
    """Write a row's Se, Sp and F1 as printed."""
    return f"Se {row.cell('sensitivity')}, Sp {row.cell('specificity')}, F1 {row.cell('f1')}"


def check_f1(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """Compare each printed F1 with the one that Se, Sp and the stated numbers of CTs give."""
    for row in rows:
        positives, normals = _stated(row, statements)
        if not complete(row) or positives is None or normals is None:
            continue
        span = f1_span(readable(row, "sensitivity"), readable(row, "specificity"), positives, normals)
        found = sorted(confusions(row, positives, normals))
        yield about(
            row,
            "f1_from_stated_counts",
            verdict_of(bool(found)),
            _f1_text(row, rows, positives, normals, span, bool(found)),
            metric="f1",
            published=detection_text(row),
            expected="no count" if span is None else f"F1 {percent_text(span.low, span.high)}",
            counts=_confusion_text(found),
        )


def _f1(hits: int, alarms: int, positives: int) -> Fraction:
    return Fraction(200 * hits, positives + hits + alarms)


def _agreed(found: Sequence[Sequence[int]]) -> Implied:
    votes = Counter(n for numbers in found for n in numbers)
    best = max(votes.values(), default=0)
    clear = best >= 2 and 2 * best > len(found)
    return Implied(tuple(sorted(n for n in votes if clear and votes[n] == best)), best, len(found))


def _stated(row: PrintedRow, statements: Statements) -> tuple[int | None, int | None]:
    return (
        statements.tumors.get((row.test_set, row.target, row.stratum)),
        statements.normals.get(row.test_set),
    )


def _confusion_text(found: Sequence[tuple[int, int]]) -> str:
    if not found:
        return "none"
    hits, alarms = zip(*found, strict=True)
    return f"TP {whole_text(hits)}; FP {whole_text(alarms)}"


def _f1_text(
    row: PrintedRow,
    rows: Sequence[PrintedRow],
    positives: int,
    normals: int,
    span: Span | None,
    fits: bool,
) -> str:
    sizes = f"{positives} tumor and {normals} normal CTs"
    if span is None:
        return f"no count of {sizes} gives the printed Se and Sp"
    if fits:
        return f"Se and Sp over {sizes} give back F1"
    expected = percent_text(span.low, span.high)
    text = f"Se and Sp over {sizes} give F1 {expected}, not the printed {row.cell('f1')}"
    mended = _specificity_that_fits(row, rows, positives, normals)
    return f"{text}; the specificity {mended} of its other rows would fit" if mended else text


def _specificity_that_fits(row: PrintedRow, rows: Sequence[PrintedRow], positives: int, normals: int) -> str:
    """Name specificities that the same model's rows of other tables print and that would give the F1."""
    printed = [other.cell("specificity") for other in rows if other.run == row.run]
    fitting = []
    for value in sorted({cell for cell in printed if cell is not None} - {row.cell("specificity")}):
        changed = replace(row, cells={**row.cells, "specificity": value})
        if any(confusions(changed, positives, normals)):
            fitting.append(str(value))
    return " or ".join(fitting)
