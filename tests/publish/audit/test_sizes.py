from fractions import Fraction

import pytest
from printed_tables import row, stated, verdicts

from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.rounding import Span
from rsuper.publish.audit.sizes import (
    check_cells,
    check_strata_specificity,
    check_strata_sum,
    check_stratum_sizes,
    sizes_that_fit,
    weighted_mean,
)


def test_cells_with_and_without_a_count():
    found = list(check_cells([row("large", se=82, sp=71), row("large", se=80, sp=72)], stated(large=35)))
    assert verdicts(found) == [INCONSISTENT, INCONSISTENT, CONSISTENT, CONSISTENT]
    assert found[0].finding == "no count of 35 CTs rounds to 82: 28/35 = 80.0, 29/35 = 82.9"
    assert found[2].counts == "28"
    assert list(check_cells([row("large", se=None)], stated(large=35))) == []
    assert list(check_cells([row(se=83)], stated(normals=100, all=139))) == []  # any percentage has a count


def test_size_of_a_stratum():
    # 28, 30, 32 of 34 are 82.4, 88.2, 94.1; 27, 29, 31 of 33 are 81.8, 87.9, 93.9. Of 35: 80.0 or 82.9, 85.7
    # or 88.6, but 33 of 35 are 94.3.
    rows = [row("large", se=value) for value in (82, 88, 94)]
    (found,) = check_stratum_sizes(rows, stated(large=35))
    assert found.verdict == INCONSISTENT
    assert found.counts == "33-34"
    assert found.finding == "35 CTs allow 1 of 3 printed sensitivities (not 82, 88), 33-34 allow 3"
    assert sizes_that_fit(rows, stated(large=35)) == {("T", "a", "large"): [33, 34]}
    (found,) = check_stratum_sizes(rows, stated(large=34))
    assert found.verdict == CONSISTENT
    assert sizes_that_fit(rows, stated(large=34)) == {}
    assert list(check_stratum_sizes(rows, stated(large=100))) == []


def test_specificity_of_strata():
    rows = [
        row(sp=80),
        row("small", sp=80),
        row("large", sp=78),
        row(sp=70, method="b"),
        row("small", sp=70, method="b"),
        row("large", sp=None, method="b"),
        row(sp=60, method="c", guessed=True),
        row("large", sp=61, method="c"),
        row("large", sp=61, method="without a whole"),
    ]
    found = list(check_strata_specificity(rows))
    singles = [CONSISTENT, INCONSISTENT, CONSISTENT, UNDECIDABLE, UNDECIDABLE]
    assert verdicts(found) == [*singles, CONSISTENT]
    assert found[-1].published == "2 of 3 equal"  # the guessed row does not count
    others = [row(sp=80), row("small", sp=70), row("large", sp=75)]
    assert verdicts(check_strata_specificity(others)) == [INCONSISTENT] * 3


def test_mean_of_strata():
    # (10 x 50 + 30 x 90) / 40 = 80, each half a point to either side.
    assert weighted_mean([50, 90], {"all": 40, "small": 10, "large": 30}) == Span(
        Fraction(159, 2), Fraction(161, 2)
    )
    # Ten more CTs of unknown size: from (3200 - 20) / 50 to (3200 + 20 + 1000) / 50.
    wide = weighted_mean([50, 90], {"all": 50, "small": 10, "large": 30})
    assert wide is not None
    assert (float(wide.low), float(wide.high)) == (63.6, 84.4)
    assert weighted_mean([50, None], {"all": 40, "small": 10, "large": 30}) is None
    with pytest.raises(ValueError, match="at most 30 CTs"):
        weighted_mean([50, 90], {"all": 30, "small": 10, "large": 30})


@pytest.mark.parametrize(("auc", "verdict"), [(80, CONSISTENT), (82, INCONSISTENT), (None, UNDECIDABLE)])
def test_strata_make_the_whole(auc, verdict):
    rows = [row(auc=auc), row("small", auc=50), row("large", auc=90)]
    found = [
        item for item in check_strata_sum(rows, stated(all=40, small=10, large=30)) if item.metric == "auc"
    ]
    assert verdicts(found) == [verdict]
