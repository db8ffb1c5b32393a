from dataclasses import replace

import pytest
from printed_tables import row, stated, verdicts

from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.printed import Alternatives, Gain, Statements, Total
from rsuper.publish.audit.text import (
    check_alternatives,
    check_gains,
    check_silence,
    check_text_with_itself,
    check_totals,
)

ROWS = [
    row(f1=80, masks=50),
    row(f1=75, masks=50, method="segmentation"),
    row(f1=70, masks=50, target="b"),
    row(f1=60, masks=50, target="b", method="segmentation"),
    row(f1=90, masks=344, test_set="U"),
    row(f1=None, masks=344, test_set="U", method="segmentation"),
]


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (Gain("10", ""), CONSISTENT),
        (Gain("9.7", "", masks=50), CONSISTENT),  # 70 - 60 may be 9 to 11
        (Gain("11.04", "", masks=50), INCONSISTENT),
        (Gain("16", "", masks=50), INCONSISTENT),
        (Gain("5", "", masks=50), INCONSISTENT),  # there is a larger one
        (Gain("5", "", masks=344), UNDECIDABLE),
        (Gain("10", "", test_set="U"), UNDECIDABLE),
    ],
)
def test_stated_gains(gain, verdict):
    assert verdicts(check_gains(ROWS, [gain])) == [verdict]


def test_text_against_itself():
    gains = [Gain("16", "x", masks=50), Gain("9.7", "y", masks=50), Gain("16", "z", masks=344)]
    named = [Alternatives("alternatives", 5, 1, "x"), Alternatives("alternatives", 5, 2, "y")]
    found = list(check_text_with_itself(Statements(gains=gains, alternatives=named)))
    assert verdicts(found) == [INCONSISTENT, CONSISTENT]
    assert found[0].finding == "gain in F1 with 50 masks: 16 in x, 9.7 in y"


def test_totals():
    totals = [Total("a", 6, (1, 2, 3), "x"), Total("a", 7, (1, 2, 3), "x")]
    statements = replace(stated(all=50, small=15, large=30, unknown=5), totals=totals)
    assert verdicts(check_totals(statements)) == [CONSISTENT, INCONSISTENT, CONSISTENT]
    assert verdicts(check_totals(stated(all=50, small=15, large=34))) == [INCONSISTENT]
    assert list(check_totals(stated(all=50, small=15))) == []


@pytest.mark.parametrize(
    ("about", "value", "table", "verdict"),
    [
        ("alternatives", 1, 1, CONSISTENT),
        ("alternatives", 2, 1, INCONSISTENT),
        ("alternatives", 2, 2, CONSISTENT),
        ("alternatives that use reports", 0, 1, CONSISTENT),
        ("alternatives that use reports", 1, 2, CONSISTENT),
    ],
)
def test_number_of_methods(about, value, table, verdict):
    reads = replace(row(method="reads", f1=1), reports=10)
    rows = [*ROWS, reads, row(method="r_super-half", f1=1), row("small", method="only_by_size", f1=1)]
    statements = Statements(alternatives=[Alternatives(about, value, table, "x")])
    found = check_alternatives(rows, statements, {"segmentation": False, "r_super": True})
    assert verdicts(found) == [verdict]


def test_what_stays_open():
    rows = [row(f1=None, auc=80, guessed=True), row(f1=3)]
    found = list(check_silence(rows, Statements(silent=[("score", "§3", "not defined")])))
    assert [item.check for item in found] == ["open score", "guessed_columns", "unreadable_cells"]
    assert set(verdicts(found)) == {UNDECIDABLE}
    assert found[1].published == "auc 80"
    assert found[2].metric == "f1"
