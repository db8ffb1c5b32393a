"""One line of the audit: what was checked, what was printed, what follows from it, and the verdict."""

from dataclasses import dataclass

from rsuper.publish.audit.printed import PrintedRow

CONSISTENT, INCONSISTENT, UNDECIDABLE = "consistent", "inconsistent", "undecidable"


@dataclass(frozen=True)
class Finding:
    """A verdict on one cell, row, group of rows or statement; blank fields do not apply."""

    check: str
    verdict: str
    finding: str
    table: str = ""
    test_set: str = ""
    target: str = ""
    stratum: str = ""
    method: str = ""
    masks: int | None = None
    metric: str = ""
    published: str = ""
    expected: str = ""
    counts: str = ""  # whole numbers that the rounding allows


def about(
    row: PrintedRow,
    check: str,
    verdict: str,
    finding: str,
    *,
    metric: str = "",
    published: str = "",
    expected: str = "",
    counts: str = "",
) -> Finding:
    """Make a finding about one printed row."""
    return Finding(
        check=check,
        verdict=verdict,
        finding=finding,
        table=row.table,
        test_set=row.test_set,
        target=row.target,
        stratum=row.stratum,
        method=row.method,
        masks=row.masks,
        metric=metric,
        published=published,
        expected=expected,
        counts=counts,
    )


def verdict_of(agrees: bool) -> str:
    """Name the verdict of a check that could be decided."""
    return CONSISTENT if agrees else INCONSISTENT
