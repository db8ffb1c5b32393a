from fractions import Fraction

import pytest
from printed_tables import row, stated, verdicts

from rsuper.publish.audit.counts import Implied, check_f1, f1_span, implied_negatives, negatives_of
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.negatives import (
    check_negatives_of_rows,
    check_negatives_of_test_sets,
    check_tumors_of_both,
)
from rsuper.publish.audit.printed import Statements
from rsuper.publish.audit.rounding import Span

# 50 tumor and 50 normal CTs, 45 found, 5 called: Se 90, Sp 90, F1 = 90 / (50 + 45 + 5) = 90.
RIGHT = row(se=90, sp=90, f1=90)
# F1 of 45 found and 10 called is 90 / 105 = 85.7.
WRONG = row(se=90, sp=90, f1=86, method="other")


def test_f1_by_hand():
    assert f1_span(90, 90, 50, 50) == Span(Fraction(90), Fraction(90))
    # Of 200 tumor CTs Se 90 may be 179 (89.5) to 181 (90.5, to even); of 50 normals Sp 90 is 45.
    assert f1_span(90, 90, 200, 50) == Span(Fraction(35800, 384), Fraction(36200, 386))
    assert f1_span(91, 90, 50, 50) is None


def test_f1_verdicts():
    found = list(check_f1([RIGHT, WRONG, row(se=90, sp=None, f1=90)], stated(all=50)))
    assert verdicts(found) == [CONSISTENT, INCONSISTENT]  # an unreadable cell gives no line
    assert found[0].counts == "TP 45; FP 5"
    assert found[1].expected == "F1 90.0"
    assert found[1].counts == "none"


def test_specificity_of_another_table_that_would_fit_is_named():
    # 45 found and 10 called of 50: Sp 80, F1 85.7.
    found = list(check_f1([WRONG, row("small", method="other", sp=80)], stated(all=50)))
    assert found[0].finding.endswith("the specificity 80 of its other rows would fit")


def test_guessed_columns_are_not_counted():
    assert list(check_f1([row(se=90, sp=90, f1=90, guessed=True)], stated(all=50))) == []


def test_negatives_of_a_row_by_hand():
    # Two tumor CTs, both found, and every second negative called: F1 = 4 / (4 + n / 2). 67 asks for
    # n / 2 = 2 (66.7); 1.5 and 2.5 are no counts, but 3 of 5 passed is Sp 60, not 50.
    assert negatives_of(row(se=100, sp=50, f1=67), 2) == [4]
    assert negatives_of(row(se=100, sp=None, f1=67), 2) == []


def made_up(negatives, hits_and_alarms):
    """Rows of 139 tumor CTs with the cells that counts give, rounded half up."""
    rows = []
    for place, (hits, alarms) in enumerate(hits_and_alarms):
        f1 = Fraction(200 * hits, 139 + hits + alarms)
        cells = {
            "se": Fraction(100 * hits, 139),
            "sp": Fraction(100 * (negatives - alarms), negatives),
            "f1": f1,
        }
        rows.append(
            row(method=f"m{place}", **{name: int(value + Fraction(1, 2)) for name, value in cells.items()})
        )
    return rows


@pytest.mark.parametrize("negatives", [90, 139, 220, 300])
def test_the_negatives_that_made_the_rows_are_recovered(negatives):
    rows = made_up(negatives, [(100, 20), (64, 45), (120, 70), (133, 8), (90, 33), (75, 12)])
    implied = implied_negatives(rows, stated(all=139))["T", "a"]
    assert negatives in implied.numbers
    assert (implied.fitting, implied.rows) == (6, 6)
    assert len(implied.numbers) <= negatives / 10
    statements = stated(negatives, all=139)
    assert verdicts(check_negatives_of_rows(rows, statements, {("T", "a"): implied})) == [CONSISTENT] * 6
    assert verdicts(check_negatives_of_test_sets(statements, {("T", "a"): implied})) == [CONSISTENT]
    other = stated(negatives + 100, all=139)
    assert verdicts(check_negatives_of_test_sets(other, {("T", "a"): implied})) == [INCONSISTENT]


def test_one_row_that_does_not_fit_is_found():
    rows = made_up(220, [(100, 20), (64, 45), (120, 70), (133, 8)]) + made_up(90, [(90, 30)])
    implied = implied_negatives(rows, stated(all=139))
    assert implied["T", "a"].fitting == 4
    found = list(check_negatives_of_rows(rows, stated(all=139), implied))
    assert verdicts(found) == [CONSISTENT] * 4 + [INCONSISTENT]
    # 90 found, 30 of 90 called: Sp 67. With 220, 73 would be called: F1 = 180 / 302 = 59.6, printed 69.5.
    assert "its F1 would be 59" in found[-1].finding


def test_rows_without_a_majority_imply_nothing():
    rows = made_up(220, [(100, 20)]) + made_up(90, [(90, 30)])
    implied = implied_negatives(rows, stated(all=139))
    assert implied["T", "a"].numbers == ()
    assert verdicts(check_negatives_of_rows(rows, stated(all=139), implied)) == [UNDECIDABLE] * 2
    assert verdicts(check_negatives_of_test_sets(stated(all=139), implied)) == [UNDECIDABLE]


@pytest.mark.parametrize(
    ("of_a", "of_b", "verdict", "both"),
    [
        # 30 with a, 20 with b, 5 of them both, 10 normals: 20 + 10 - 5 = 25 without a, 35 without b.
        ((25,), (35,), CONSISTENT, "5"),
        ((24, 25), (34, 35), CONSISTENT, "5-6"),
        ((25,), (36,), INCONSISTENT, "none"),
        ((31,), (41,), INCONSISTENT, "none"),  # the overlap would be negative
    ],
)
def test_tumors_of_both_targets(of_a, of_b, verdict, both):
    statements = Statements(normals={"T": 10}, tumors={("T", "a", "all"): 30, ("T", "b", "all"): 20})
    implied = {("T", "a"): Implied(of_a, 3, 3), ("T", "b"): Implied(of_b, 3, 3)}
    (found,) = check_tumors_of_both(statements, implied)
    assert (found.verdict, found.counts) == (verdict, both)


def test_one_target_has_no_overlap():
    assert list(check_tumors_of_both(stated(all=50), {("T", "a"): Implied((50,), 3, 3)})) == []
