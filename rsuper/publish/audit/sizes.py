"""Cells that no count can give, sizes of strata, and what Table 3's strata share with Table 2."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from rsuper.publish.audit.finding import INCONSISTENT, UNDECIDABLE, Finding, about, verdict_of
from rsuper.publish.audit.printed import SIZES, PrintedRow, Statements, cell_text
from rsuper.publish.audit.rounding import Span, counts_printed_as, percent_text, span_of, whole_text

WINDOW = 5  # sizes of a stratum up to this far from the stated one are tried
LINEAR = ("sensitivity", "auc")  # a test set's value is the mean of its strata's, weighted by their tumors


def check_cells(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """Ask of each sensitivity and specificity whether the stated number of CTs has a count for it.

    From 100 CTs on every whole percentage has one, so larger groups are left out.
    """
    for row in rows:
        totals = {
            "sensitivity": statements.tumors.get((row.test_set, row.target, row.stratum)),
            "specificity": statements.normals.get(row.test_set),
        }
        for metric, total in totals.items():
            value = row.cell(metric)
            if value is None or total is None or total >= 100:
                continue
            counts = counts_printed_as(value, total)
            yield about(
                row,
                "cell_has_a_count",
                verdict_of(bool(counts)),
                f"{value} is a rounded share of {total} CTs"
                if counts
                else f"no count of {total} CTs rounds to {value}: {_neighbors(value, total)}",
                metric=metric,
                published=str(value),
                expected=f"a share of {total}",
                counts=whole_text(counts),
            )


def check_stratum_sizes(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """Compare the stated size of each group of tumor CTs with the sizes that its sensitivities allow."""
    for group, stated in statements.tumors.items():
        members = [row for row in rows if (row.test_set, row.target, row.stratum) == group]
        values = _sensitivities(members)
        if not values or stated >= 100:
            continue
        fits = _fits(values, stated)
        best = [size for size, count in fits.items() if count == max(fits.values())]
        yield Finding(
            check="stratum_size",
            verdict=verdict_of(fits[stated] == len(values)),
            finding=_size_text(stated, fits, best, values),
            table=" ".join(dict.fromkeys(row.table for row in members)),
            test_set=group[0],
            target=group[1],
            stratum=group[2],
            metric="sensitivity",
            published=f"{stated} CTs",
            expected=f"{whole_text(best)} CTs",
            counts=whole_text(best),
        )


def sizes_that_fit(
    rows: Sequence[PrintedRow], statements: Statements
) -> dict[tuple[str, str, str], list[int]]:
    """Return, for groups whose stated size cannot give every printed sensitivity, the sizes near it that can.

    Keys are test set, target and stratum; groups without such a size are left out.
    """
    found = {}
    for group, stated in statements.tumors.items():
        values = _sensitivities([row for row in rows if (row.test_set, row.target, row.stratum) == group])
        fits = _fits(values, stated)
        sizes = [size for size, count in fits.items() if count == len(values)]
        if sizes and stated not in sizes:
            found[group] = sizes
    return found


def check_strata_specificity(rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """Compare the specificity of each stratum with the whole test set's, row by row and over all rows.

    They are equal where the strata keep all tumor-free CTs and reuse the test set's threshold.
    """
    equal, pairs = 0, 0
    for row, whole in _pairs(rows):
        ours, theirs = row.cell("specificity"), whole.cell("specificity")
        if ours is None or theirs is None:
            verdict, text = UNDECIDABLE, "a specificity is unreadable"
        elif ours == theirs:
            verdict, text = verdict_of(True), "as in the whole test set"
        else:
            verdict = INCONSISTENT
            text = f"{ours} in this stratum, {theirs} in the whole test set: {abs(ours - theirs)} apart"
        if ours is not None and theirs is not None and not whole.guessed:
            pairs, equal = pairs + 1, equal + (ours == theirs)
        if whole.guessed and verdict != UNDECIDABLE:
            verdict, text = UNDECIDABLE, f"{text}; the whole test set's cells stand in guessed columns"
        yield about(
            row,
            "strata_specificity",
            verdict,
            text,
            metric="specificity",
            published=cell_text(ours),
            expected=cell_text(theirs),
        )
    if pairs:
        yield Finding(
            check="strata_specificity",
            verdict=verdict_of(2 * equal > pairs),
            finding=f"specificity equals the whole test set's in {equal} of {pairs} readable pairs: strata "
            + (
                "keep all negatives and reuse the threshold"
                if 2 * equal > pairs
                else "have thresholds or negatives of their own"
            ),
            table="3",
            metric="specificity",
            published=f"{equal} of {pairs} equal",
            expected="all equal",
        )


def check_strata_sum(rows: Sequence[PrintedRow], statements: Statements) -> Iterator[Finding]:
    """Compare a test set's sensitivity and AUC with the mean of its strata, weighted by stated sizes.

    Both average over tumor CTs, and strata share the negatives. Tumors of unknown size may have any value.
    """
    for whole, parts in whole_and_strata(rows):
        sizes = statements.sizes(whole.test_set, whole.target)
        if sizes is None:
            continue
        for metric in [name for name in LINEAR if name in whole.cells]:
            printed = whole.cell(metric)
            mean = weighted_mean([part.cell(metric) for part in parts], sizes)
            if mean is None or printed is None:
                verdict, text = UNDECIDABLE, "a cell of the row or of one of its strata is unreadable"
            else:
                verdict = verdict_of(mean.meets(span_of(printed)))
                text = f"the strata give {percent_text(mean.low, mean.high)}, printed is {printed}"
                if whole.guessed:
                    verdict, text = UNDECIDABLE, f"{text}; the row's cells stand in guessed columns"
            yield about(
                whole,
                "strata_make_the_whole",
                verdict,
                text,
                metric=metric,
                published=cell_text(printed),
                expected="" if mean is None else percent_text(mean.low, mean.high),
            )


def weighted_mean(values: Sequence[int | None], sizes: Mapping[str, int]) -> Span | None:
    """Return the mean over all tumor CTs from the strata's printed means, in percent.

    Args:
        values: of the small and the large stratum, None where unreadable.
        sizes: CTs of `all`, `small` and `large`. CTs in neither stratum may have any value from 0 to 100.

    Returns:
        All means that the rounding allows; None where a value is unreadable.

    Raises:
        ValueError: the strata have more CTs than there are.
    """
    rest = sizes["all"] - sum(sizes[name] for name in SIZES)
    if rest < 0:
        raise ValueError(f"strata must have at most {sizes['all']} CTs together, got {dict(sizes)}")
    total = Span(Fraction(0), Fraction(100 * rest))
    for name, value in zip(SIZES, values, strict=True):
        if value is None:
            return None
        total += span_of(value).times(sizes[name])
    return total.times(Fraction(1, sizes["all"]))


def whole_and_strata(rows: Sequence[PrintedRow]) -> Iterator[tuple[PrintedRow, list[PrintedRow]]]:
    """Yield each row of Table 2 with its rows for small and large tumors, where both are there."""
    known = {(row.run, row.stratum): row for row in rows if row.stratum in SIZES}
    for row in rows:
        strata = [known[row.run, name] for name in SIZES if (row.run, name) in known]
        if row.stratum == "all" and len(strata) == len(SIZES):
            yield row, strata


def _sensitivities(rows: Sequence[PrintedRow]) -> list[int]:
    return [value for row in rows if (value := row.cell("sensitivity")) is not None]


def _fits(values: Sequence[int], stated: int) -> dict[int, int]:
    """Count, per size near the stated one, the sensitivities that it allows."""
    return {
        size: sum(bool(counts_printed_as(value, size)) for value in values)
        for size in range(max(stated - WINDOW, 1), stated + WINDOW + 1)
    }


def _pairs(rows: Sequence[PrintedRow]) -> Iterator[tuple[PrintedRow, PrintedRow]]:
    known = {row.run: row for row in rows if row.stratum == "all"}
    for row in rows:
        if row.stratum in SIZES and row.run in known:
            yield row, known[row.run]


def _size_text(stated: int, fits: Mapping[int, int], best: Sequence[int], values: Sequence[int]) -> str:
    text = f"{stated} CTs allow {fits[stated]} of {len(values)} printed sensitivities"
    if fits[stated] == len(values):
        return text
    impossible = sorted({value for value in values if not counts_printed_as(value, stated)})
    text += f" (not {', '.join(map(str, impossible))})"
    if stated in best:
        return f"{text}, and no size within {WINDOW} allows more"
    return f"{text}, {whole_text(best)} allow {fits[best[0]]}"


def _neighbors(value: int, total: int) -> str:
    below = value * total // 100
    shares = [f"{n}/{total} = {percent_text(Fraction(100 * n, total))}" for n in (below, below + 1)]
    return ", ".join(shares)
