import pytest
from printed_tables import row, stated, verdicts

from rsuper.publish.audit.counts import Implied
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.orders import check_all_positive, check_claims
from rsuper.publish.claims import Claim


def claim(metric="f1", **changes):
    content = {
        "id": f"best/{metric}",
        "statement": "",
        "where": "",
        "method": "r_super",
        "others": ("x", "y"),
        "budget": "few",
        "target": "pancreas",
        "test_set": "T",
        "stratum": "all",
        "metric": metric,
    }
    return Claim(**(content | changes))


def printed(method, guessed=False, **cells):
    return row(method=method, target="pancreas", guessed=guessed, **cells)


@pytest.mark.parametrize(
    ("own", "x", "y", "verdict"),
    [
        (80, 70, 79, CONSISTENT),
        (80, 70, 81, INCONSISTENT),
        (80, 70, 80, UNDECIDABLE),
        (80, 70, None, UNDECIDABLE),
        (80, 90, None, INCONSISTENT),
        (None, 70, 60, UNDECIDABLE),
    ],
)
def test_a_claim_against_the_table(own, x, y, verdict):
    rows = [printed("r_super", f1=own), printed("x", f1=x), printed("y", f1=y)]
    assert verdicts(check_claims(rows, [claim()])) == [verdict, verdict]


def test_guessed_columns_and_absent_rows_are_unknown():
    rows = [printed("r_super", f1=80), printed("x", f1=90, guessed=True)]
    found = list(check_claims(rows, [claim()]))
    assert found[0].verdict == UNDECIDABLE
    assert found[0].finding == "above the rest, but x is unreadable, y is unreadable"


def test_a_claim_over_several_cells():
    rows = [printed("r_super", f1=80, auc=90), printed("x", f1=70, auc=91), printed("y", f1=60, auc=70)]
    found = list(check_claims(rows, [claim(), claim("auc")]))
    assert verdicts(found) == [CONSISTENT, INCONSISTENT, INCONSISTENT]
    assert found[1].finding == "x has 91, r_super 90"
    assert found[2].finding == "above in pancreas T f1; below in pancreas T auc"
    open_claim = claim(not_testable="no margin")
    assert next(item.finding for item in check_claims(rows, [open_claim])) == "no margin"


IMPLIED = {("T", "a"): Implied((50,), 3, 3)}


@pytest.mark.parametrize(
    ("cells", "verdict"),
    [
        ({"f1": 70}, CONSISTENT),  # all 50 of 50 + 50 called: 2 x 50 / 150 = 66.7
        ({"f1": 62}, INCONSISTENT),
        ({"f1": 67}, UNDECIDABLE),  # 66.5 to 67.5
        ({"f1": 67, "se": 68, "sp": 64}, INCONSISTENT),  # 34 found, 18 called: 68 / 102 = 66.7, a tie
        ({"f1": 67, "se": 70, "sp": 62}, CONSISTENT),  # 35 and 19: 70 / 104 = 67.3
    ],
)
def test_against_calling_everything_positive(cells, verdict):
    (found,) = check_all_positive([row(**cells)], stated(all=50), IMPLIED)
    assert found.verdict == verdict


def test_a_stratum_reuses_the_threshold_and_may_lie_below():
    whole, small = check_all_positive(
        [row(f1=60), row("small", f1=30)], stated(all=50, small=15), IMPLIED
    )  # small: 2 x 15 / 80 = 37.5
    assert verdicts([whole, small]) == [INCONSISTENT] * 2
    assert "could not be" in whole.finding
    assert small.finding == "below the 37.5 of calling every CT positive"


def test_nothing_without_negatives():
    assert list(check_all_positive([row(f1=60)], stated(all=50), {})) == []
    assert list(check_all_positive([row(f1=None)], stated(all=50), IMPLIED)) == []
