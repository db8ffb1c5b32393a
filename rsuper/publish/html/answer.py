"""What a reader wants to know first: which method won, by how much, and whether it is significant."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rsuper.publish.cells import Values
from rsuper.publish.columns import Column
from rsuper.publish.failed import FAILED_MARK, failed_text
from rsuper.publish.figures.style import measured_groups
from rsuper.publish.html.differences import COMPARED, NAMES, Difference
from rsuper.publish.html.grid import Cell, Grid, Head, percent, points
from rsuper.publish.inputs import Inputs
from rsuper.publish.rows import ABLATIONS, CONTROLS, RUN, Row, table_rows
from rsuper.publish.verdict import CONTRADICTED, HOLDS

ABOVE, BELOW, EITHER = "above", "below", "undecided"
_SIDES = {HOLDS: ABOVE, CONTRADICTED: BELOW}


@dataclass(frozen=True)
class Lead:
    """The reference against the best alternative in one number."""

    metric: str
    ours: float  # means over all targets and test sets, as shares
    other: str  # label of the alternative with the highest mean
    theirs: float
    cells: Sequence[tuple[str, Difference]]  # where, and the comparison there

    def count(self, side: str) -> int:
        """In how many comparisons the reference is surely above, surely below, or neither."""
        return sum(side_of(each) == side for _, each in self.cells)


@dataclass(frozen=True)
class Answer:
    """What one budget says."""

    budget: str
    title: str
    sentences: Sequence[str]
    leads: Sequence[Lead]
    board: Grid


def side_of(difference: Difference) -> str:
    """Say where the reference is: surely above, surely below, or undecided."""
    return _SIDES.get(difference.verdict, EITHER)


def answers(inputs: Inputs, found: Sequence[Difference], rule: str = "oracle_test") -> list[Answer]:
    """Answer for every budget at which something was run; controls and ablations cannot win.

    Args:
        inputs: of all tables.
        found: all comparisons with the reference.
        rule: threshold rule of F1.
    """
    rows = [row for row in table_rows(inputs.metrics, inputs.experiment, inputs.cards) if row.status == RUN]
    values = Values(inputs.metrics, inputs.experiment, rule)
    made = []
    for budget in inputs.experiment.budgets:
        own = [row for row in rows if row.budget == budget]
        if own:
            compared = [each for each in found if each.budget == budget]
            made.append(_answer(budget, own, compared, inputs, values))
    return made


def _answer(
    budget: str, rows: Sequence[Row], found: Sequence[Difference], inputs: Inputs, values: Values
) -> Answer:
    reference = inputs.experiment.evaluation.reference
    means = {(row.method, name): _mean(row, name, inputs, values) for row in rows for name, *_ in COMPARED}
    rivals = [row for row in rows if _is_rival(row, reference)]
    ours = next((row for row in rows if row.method == reference), None)
    leads = [] if ours is None else list(_leads(reference, rivals, means, found, inputs))
    sentences = (
        list(_sentences(ours.label, leads))
        if ours and leads
        else [f"Nothing to compare: {f'{ours.label} ran alone' if ours else f'{reference} was not run'}."]
    )
    return Answer(
        budget, _title(budget, rows, inputs), sentences, leads, _board(budget, rows, means, found, inputs)
    )


def _is_rival(row: Row, reference: str) -> bool:
    own = row.method == reference or row.method.startswith(f"{reference}-")
    return row.block not in (CONTROLS, ABLATIONS) and not own


def _mean(row: Row, metric: str, inputs: Inputs, values: Values) -> float:
    """Mean over all targets and test sets; NaN where one is missing."""
    cells = [
        values.cell(row.budget, row.method, "all", Column(target, test_set, metric)).value
        for target, test_set in measured_groups(inputs.experiment)
    ]
    return sum(cells) / len(cells) if cells else math.nan


def _leads(
    reference: str,
    rivals: Sequence[Row],
    means: dict[tuple[str, str], float],
    found: Sequence[Difference],
    inputs: Inputs,
) -> Iterator[Lead]:
    for name, *_ in COMPARED:
        ranked = [row for row in rivals if not math.isnan(means[row.method, name])]
        if not ranked or math.isnan(means[reference, name]):
            continue
        best = max(ranked, key=lambda row: means[row.method, name])
        cells = [
            (f"{each.target}, {inputs.experiment.test_sets[each.test_set].label}", each)
            for each in found
            if each.metric == name and each.other == best.method
        ]
        yield Lead(name, means[reference, name], best.label, means[best.method, name], cells)


def _sentences(ours: str, leads: Sequence[Lead]) -> Iterator[str]:
    won = [lead for lead in leads if lead.ours > lead.theirs]
    if won:
        others = _joined(dict.fromkeys(lead.other for lead in won))
        yield f"{ours} leads in {_gains(won)} over the best alternative, {others}."
    for other in dict.fromkeys(lead.other for lead in leads):
        lost = [lead for lead in leads if lead.other == other and lead.ours < lead.theirs]
        equal = [lead for lead in leads if lead.other == other and lead.ours == lead.theirs]
        if lost:
            yield f"{other} leads in {_gains(lost)} over {ours}."
        if equal:
            yield f"{ours} and {other} are equal in {_joined([NAMES[lead.metric] for lead in equal])}."
    total = sum(len(lead.cells) for lead in leads)
    above, below = (sum(lead.count(side) for lead in leads) for side in (ABOVE, BELOW))
    if total:
        yield (
            f"{ours} is significantly above in {above} of {total} comparisons and significantly below in "
            f"{below}; {total - above - below} are undecided."
        )


def _gains(leads: Sequence[Lead]) -> str:
    return _joined(
        [f"{NAMES[lead.metric]} ({points(abs(lead.ours - lead.theirs))} points)" for lead in leads]
    )


def _joined(items: Sequence[str] | dict[str, None]) -> str:
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _title(budget: str, rows: Sequence[Row], inputs: Inputs) -> str:
    """Name a budget by the tumor CTs with masks, and the most reports that a row of it may read."""
    seen = [inputs.supervision.get((budget, row.method), ({}, {})) for row in rows]
    parts = []
    for kind, column in (("mask", 0), ("report", 1)):
        most = {
            target: max((each[column].get(target, 0) for each in seen), default=0)
            for target in inputs.experiment.targets
        }
        parts.append(" + ".join(f"{n:,} {target}" for target, n in most.items()) + f" tumor {kind}s")
    return f"Budget {budget}: {', '.join(parts)}"


def _board(
    budget: str,
    rows: Sequence[Row],
    means: dict[tuple[str, str], float],
    found: Sequence[Difference],
    inputs: Inputs,
) -> Grid:
    """Score every row, the highest AUC first, controls last."""
    names = [name for name, *_ in COMPARED]
    runs = [row for row in rows if row.block != CONTROLS]
    best = {name: max((means[row.method, name] for row in runs), default=math.nan) for name in names}
    ordered = sorted(
        rows, key=lambda row: (row.block == CONTROLS, -_or_low(means[row.method, "auc"]), row.label)
    )
    label = next((r.label for r in rows if r.method == inputs.experiment.evaluation.reference), "")
    heads = [
        Head("Method"),
        *(Head(NAMES[name], is_number=True) for name in names),
        Head(f"{label} against it", about="significantly above, undecided, significantly below"),
    ]
    body = []
    for row in ordered:
        cells = [
            percent(means[row.method, name], kind="best" if means[row.method, name] == best[name] else "")
            for name in names
        ]
        against = [each for each in found if each.other == row.method]
        failed = failed_text(inputs.failed, budget, row.method, inputs.experiment.targets)
        body.append([Cell(row.label, mark=FAILED_MARK if failed else ""), *cells, Cell(_counted(against))])
    note = (
        "Means over all tumor types and test sets, percent; none where one of them is missing; the highest "
        "of a column in bold, controls aside. Last column: in how many comparisons the reference is "
        "significantly above, undecided, below."
    )
    return Grid(
        f"board-{budget}",
        f"All rows at budget {budget}",
        heads,
        body,
        notes=[note],
        blocks=["controls" if row.block == CONTROLS else "" for row in ordered],
    )


def _or_low(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _counted(found: Sequence[Difference]) -> str:
    if not found:
        return ""
    counts = {side: sum(side_of(each) == side for each in found) for side in (ABOVE, EITHER, BELOW)}
    return ", ".join(f"{n} {side}" for side, n in counts.items() if n)
