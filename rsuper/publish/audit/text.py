"""What the paper's text states against its tables, against itself, and what stays open."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from rsuper.publish.audit.finding import UNDECIDABLE, Finding, about, verdict_of
from rsuper.publish.audit.printed import Gain, PrintedRow, Statements
from rsuper.publish.audit.rounding import Span, span_of_text

METHOD, BASELINE = "r_super", "segmentation"


def check_gains(rows: Sequence[PrintedRow], gains: Sequence[Gain]) -> Iterator[Finding]:
    """Compare each stated gain in F1 with the largest one over the cells that it is about.

    Two rounded cells give their difference to one point; what is printed of the gain is rounded once more.
    """
    for gain in gains:
        differences = _differences(rows, gain)
        if not differences:
            verdict, text, expected = UNDECIDABLE, "no readable pair of cells", ""
        else:
            best = max(differences.values())
            cell = next(name for name, value in differences.items() if value == best)
            verdict = verdict_of(Span(Fraction(best - 1), Fraction(best + 1)).meets(span_of_text(gain.value)))
            text = f"{gain.value} points stated, largest gain printed is {best} ({cell})"
            expected = f"{best - 1} to {best + 1}"
        yield Finding(
            check="stated_gain",
            verdict=verdict,
            finding=f"{gain.where}: {text}",
            table="2",
            test_set=gain.test_set or "",
            stratum="all",
            method=METHOD,
            masks=gain.masks,
            metric="f1",
            published=gain.value,
            expected=expected,
        )


def check_text_with_itself(statements: Statements) -> Iterator[Finding]:
    """Compare what the text states twice about the same thing."""
    stated = [
        (f"gain in F1{_scope(gain)}", gain.value, gain.where, gain.masks, gain.test_set or "", "f1")
        for gain in statements.gains
    ]
    stated += [
        (f"number of {item.about}", str(item.value), item.where, None, "", "")
        for item in statements.alternatives
    ]
    for first, second in combinations(stated, 2):
        if first[0] == second[0]:
            same = first[1] == second[1]
            yield Finding(
                check="text_against_text",
                verdict=verdict_of(same),
                finding=f"{first[0]}: {first[1]} in {first[2]}, {second[1]} in {second[2]}",
                test_set=first[4],
                masks=first[3],
                metric=first[5],
                published=first[1],
                expected=second[1],
            )


def check_totals(statements: Statements) -> Iterator[Finding]:
    """Compare stated totals with the sum of their stated parts, strata of the test sets included."""
    for total in statements.totals:
        yield _sum(total.about, total.where, total.total, total.parts)
    groups = dict.fromkeys((test_set, target) for test_set, target, _ in statements.tumors)
    for test_set, target in groups:
        sizes = statements.sizes(test_set, target)
        if sizes is not None:
            parts = [count for stratum, count in sizes.items() if stratum != "all"]
            name = f"{target} tumor CTs of {test_set}"
            yield _sum(name, "Tab. 3, caption", sizes["all"], parts, test_set, target)


def check_alternatives(
    rows: Sequence[PrintedRow], statements: Statements, table1: Mapping[str, bool]
) -> Iterator[Finding]:
    """Compare stated numbers of compared methods with the rows of the tables, ablations left out.

    Args:
        rows: of Tables 2 and 3.
        statements: of the text; those about reports count the methods that train on them.
        table1: methods of Table 1, each with whether it uses reports.
    """
    printed = {
        1: dict(table1),
        2: {
            row.method: row.reports > 0
            for row in reversed(rows)
            if row.table == "2" and "-" not in row.method
        },
    }
    for item in statements.alternatives:
        listed = [
            name
            for name, reports in printed[item.table].items()
            if name != METHOD and (reports or "reports" not in item.about)
        ]
        yield Finding(
            check="stated_number_of_methods",
            verdict=verdict_of(item.value == len(listed)),
            finding=f"{item.where}: {item.value} {item.about}, "
            f"Table {item.table} lists {len(listed)} beside R-Super",
            table=str(item.table),
            method=METHOD,
            published=str(item.value),
            expected=str(len(listed)),
            counts=str(len(listed)),
        )


def check_silence(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """List what cannot be decided: what the paper leaves open, guessed columns, unreadable cells."""
    for name, where, why in statements.silent:
        yield Finding(check=f"open {name}", verdict=UNDECIDABLE, finding=f"{where}: {why}")
    for row in rows:
        if row.guessed:
            cells = ", ".join(f"{name} {value}" for name, value in row.cells.items() if value is not None)
            yield about(
                row,
                "guessed_columns",
                UNDECIDABLE,
                "our copy does not show which columns these values stand in",
                published=cells,
            )
        missing = [name for name, value in row.cells.items() if value is None]
        if missing:
            yield about(
                row,
                "unreadable_cells",
                UNDECIDABLE,
                f"unreadable in our copy, hence unknown: {', '.join(missing)}",
                metric=" ".join(missing),
            )


def _differences(rows: Sequence[PrintedRow], gain: Gain) -> dict[str, int]:
    """Return R-Super's printed F1 minus segmentation's in every cell that a stated gain is about."""
    known = {row.run: row.cell("f1") for row in rows if row.stratum == "all" and not row.guessed}
    found = {}
    for (method, masks, target, test_set), ours in known.items():
        other = known.get((BASELINE, masks, target, test_set))
        wanted = gain.masks in (None, masks) and gain.test_set in (None, test_set)
        if method == METHOD and wanted and ours is not None and other is not None:
            found[f"{target} {test_set}, {masks} masks: {ours} against {other}"] = ours - other
    return found


def _scope(gain: Gain) -> str:
    parts = [
        f" with {gain.masks} masks" if gain.masks else "",
        f" in {gain.test_set}" if gain.test_set else "",
    ]
    return "".join(parts) or ", the largest of all"


def _sum(
    name: str, where: str, total: int, parts: Sequence[int], test_set: str = "", target: str = ""
) -> Finding:
    addition = " + ".join(map(str, parts))
    return Finding(
        check="stated_total",
        verdict=verdict_of(sum(parts) == total),
        finding=f"{where}: {name}: {addition} = {sum(parts)}, stated {total}",
        test_set=test_set,
        target=target,
        published=str(total),
        expected=str(sum(parts)),
        counts=str(sum(parts)),
    )
