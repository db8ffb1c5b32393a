"""How many tumor-free CTs the printed cells need, row by row and per test set."""

from collections.abc import Iterator, Mapping, Sequence

from rsuper.publish.audit.counts import (
    TABLE,
    Group,
    Implied,
    complete,
    detection_text,
    f1_span,
    negatives_of,
    readable,
)
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE, Finding, about, verdict_of
from rsuper.publish.audit.printed import PrintedRow, Statements
from rsuper.publish.audit.rounding import percent_text, whole_text
from rsuper.publish.audit.sizes import sizes_that_fit


def check_negatives_of_rows(
    rows: Sequence[PrintedRow], statements: Statements, implied: Mapping[Group, Implied]
) -> Iterator[Finding]:
    """Compare the negatives that each row needs with those that Table 2 implies for its test set."""
    sizes = sizes_that_fit(rows, statements)
    for row in rows:
        group = (row.test_set, row.target, row.stratum)
        positives = statements.tumors.get(group)
        if not complete(row) or positives is None:
            continue
        needed = negatives_of(row, positives)
        joint = implied.get((row.test_set, row.target), Implied((), 0, 0)).numbers
        verdict = verdict_of(bool(set(needed) & set(joint))) if joint else UNDECIDABLE
        yield about(
            row,
            "negatives_of_row",
            verdict,
            _negatives_text(row, positives, needed, joint) + _other_size(row, sizes.get(group, ())),
            metric="f1",
            published=detection_text(row),
            expected=f"{whole_text(joint)} negatives" if joint else "",
            counts=whole_text(needed),
        )


def check_negatives_of_test_sets(
    statements: Statements, implied: Mapping[Group, Implied]
) -> Iterator[Finding]:
    """Compare the negatives that Table 2 implies for a test set with the normal CTs that the text states."""
    for (test_set, target), joint in implied.items():
        stated = statements.normals.get(test_set)
        if stated is None:
            continue
        share = f"{joint.fitting} of {joint.rows} complete rows"
        if not joint.numbers:
            verdict, text = UNDECIDABLE, f"no number of negatives fits more than half: at best {share}"
        elif stated in joint.numbers:
            verdict, text = (
                CONSISTENT,
                f"the {stated} stated normals fit {share}, and no other number fits more",
            )
        else:
            verdict = INCONSISTENT
            text = (
                f"{share} fit with {whole_text(joint.numbers)} negatives, not with the {stated} stated "
                f"normals alone: other CTs without this tumor must be among the negatives"
            )
        yield Finding(
            check="negatives_of_test_set",
            verdict=verdict,
            finding=text,
            table=TABLE,
            test_set=test_set,
            target=target,
            stratum="all",
            published=f"{stated} normals",
            expected=f"{whole_text(joint.numbers)} negatives",
            counts=whole_text(joint.numbers),
        )


def check_tumors_of_both(statements: Statements, implied: Mapping[Group, Implied]) -> Iterator[Finding]:
    """Ask whether the negatives of two targets are the other's tumor CTs and the normals, overlap removed.

    With all CTs without the tumor as negatives, each target says how many CTs carry both; the two have to
    agree. Test sets without exactly two targets are left out.
    """
    for test_set, normals in statements.normals.items():
        targets = [target for name, target in implied if name == test_set]
        if len(targets) != 2 or any(not implied[test_set, target].numbers for target in targets):
            continue
        size = {target: statements.tumors[test_set, target, "all"] for target in targets}
        shared = [
            {size[other] + normals - n for n in implied[test_set, target].numbers}
            for target, other in (targets, targets[::-1])
        ]
        both = sorted(n for n in shared[0] & shared[1] if 0 <= n <= min(size.values()))
        texts = [f"{whole_text(part)} from {name}" for part, name in zip(shared, targets, strict=True)]
        yield Finding(
            check="tumors_of_both_targets",
            verdict=verdict_of(bool(both)),
            finding=f"if every CT without a tumor of the target is a negative, CTs with both tumors number "
            f"{' and '.join(texts)}: {'both allow ' + whole_text(both) if both else 'they disagree'}",
            table=TABLE,
            test_set=test_set,
            target=" ".join(targets),
            stratum="all",
            published=f"{normals} normals, " + ", ".join(f"{n} {name}" for name, n in size.items()),
            expected="the same overlap from either target",
            counts=whole_text(both),
        )


def _negatives_text(row: PrintedRow, positives: int, needed: Sequence[int], joint: Sequence[int]) -> str:
    if not needed:
        return f"no number of negatives gives these cells with {positives} tumor CTs"
    text = f"needs {whole_text(needed)} negatives"
    if not joint or set(needed) & set(joint):
        return text + (", within what its test set implies" if joint else "; its test set implies no number")
    spans = [f1_span(readable(row, "sensitivity"), readable(row, "specificity"), positives, n) for n in joint]
    ends = [span for span in spans if span is not None]
    if not ends:
        return f"{text}; with {whole_text(joint)} its Se and Sp have no counts"
    expected = percent_text(min(span.low for span in ends), max(span.high for span in ends))
    return f"{text}; with {whole_text(joint)} its F1 would be {expected}, not the printed {row.cell('f1')}"


def _other_size(row: PrintedRow, sizes: Sequence[int]) -> str:
    """Say what a row would need were its stratum of a size that all printed sensitivities allow."""
    texts = [f"{whole_text(negatives_of(row, size))} negatives with {size} tumor CTs" for size in sizes]
    return f"; its sensitivities allow another size: {', '.join(texts)}" if texts else ""
