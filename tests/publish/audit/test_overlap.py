from fractions import Fraction

import pytest
from printed_tables import row, stated, verdicts

from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.overlap import check_overlap, share_of_empty_normals
from rsuper.publish.audit.rounding import Span

SIZES = stated(all=50, small=20, large=30)
# Over 50 tumor CTs: DSC (20 x 10 + 30 x 40) / 50 = 28, NSD (20 x 20 + 30 x 60) / 50 = 44.
STRATA = [row("small", dsc=10, nsd=20), row("large", dsc=40, nsd=60)]


def test_share_by_hand():
    # T = 30 over 50 tumor CTs, 40 of 50 normals empty: (50 x 30 + 50 x 80) / 100 = 55; 0.5 there is 1 in s.
    mean = Span(Fraction(30), Fraction(30))
    assert share_of_empty_normals(55, mean, 50, 50) == Span(Fraction(79), Fraction(81))
    # 25 normals, 20 empty: (50 x 30 + 25 x 80) / 75 = 46.7, printed 47; (75 x 46.5 - 1500) / 25 = 79.5.
    assert share_of_empty_normals(47, mean, 50, 25) == Span(Fraction(159, 2), Fraction(165, 2))
    with pytest.raises(ValueError, match="negatives must be at least 1"):
        share_of_empty_normals(55, mean, 50, 0)


def by_check(rows):
    found = list(check_overlap(rows, SIZES))
    return {name: [item for item in found if item.check.endswith(name)] for name in ("cts_alone", "all_cts")}


def test_a_table_over_all_cts():
    # 40 of 50 normals empty: DSC (28 + 80) / 2 = 54, NSD (44 + 80) / 2 = 62.
    found = by_check([row(dsc=54, nsd=62), *STRATA])
    assert verdicts(found["all_cts"]) == [CONSISTENT, CONSISTENT]  # the row and the summary
    assert "80.0 from DSC and 80.0 from NSD" in found["all_cts"][0].finding
    assert found["all_cts"][0].counts == "40 of 50 empty"
    assert verdicts(found["cts_alone"]) == [INCONSISTENT] * 3


def test_a_table_over_tumor_cts_alone():
    found = by_check([row(dsc=28, nsd=44), *STRATA])
    assert verdicts(found["cts_alone"]) == [CONSISTENT] * 3
    assert verdicts(found["all_cts"]) == [INCONSISTENT, INCONSISTENT]  # 28 of 50 from DSC, 44 from NSD


def test_a_table_of_neither_kind():
    found = by_check([row(dsc=54, nsd=70), *STRATA])
    assert verdicts(found["all_cts"] + found["cts_alone"]) == [INCONSISTENT] * 5


@pytest.mark.parametrize(
    "rows",
    [
        [row(dsc=None, nsd=62), *STRATA],
        [row(dsc=54, nsd=62), row("small", dsc=None, nsd=20), STRATA[1]],
        [row(dsc=54, nsd=62, guessed=True), *STRATA],
    ],
)
def test_unreadable_cells_decide_nothing(rows):
    found = by_check(rows)["all_cts"]
    assert verdicts(found) == [UNDECIDABLE]
    assert "80.0 from NSD" in found[0].finding or "80.0 from DSC" in found[0].finding


def test_a_test_set_without_masks_has_no_line():
    assert list(check_overlap([row(f1=3), row("small", f1=3), row("large", f1=3)], SIZES)) == []
