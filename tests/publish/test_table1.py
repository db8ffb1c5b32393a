import pytest
from conftest import Card, Uses

from rsuper.errors import MethodError
from rsuper.publish.table1 import DECLARED, TICKS, table1, ticks

NEITHER = dict.fromkeys(DECLARED, False)


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        (Uses(), (False, False, False)),
        (Uses(all_images=True), (True, False, False)),
        (Uses(reports="presence"), (True, True, False)),
        (Uses(reports="count"), (True, True, False)),
        (Uses(reports="text"), (True, True, True)),
        (Uses(reports="details"), (True, True, True)),
    ],
)
def test_the_first_three_ticks_follow_from_what_a_method_may_see(uses, expected):
    assert tuple(ticks(Card("m", "M", uses)).values())[:3] == expected


def test_a_card_cannot_claim_a_derived_tick():
    card = Card("m", "M", Uses(), NEITHER | {"uses_reports": True})
    with pytest.raises(MethodError, match=r"method 'm': table1.uses_reports is True"):
        ticks(card)
    assert not ticks(Card("m", "M", Uses(), NEITHER | {"uses_reports": False}))["uses_reports"]


def test_a_missing_declaration_is_named():
    with pytest.raises(MethodError, match="reports_penalize_fp_fn"):
        ticks(Card("m", "M", Uses(), {"reports_optimize_segmentation": True}))


def test_rows_order_status_and_difference_from_the_paper(cards):
    table = table1(cards).set_index("method")
    paper = ["segmentation", "models_genesis", "multi_task", "rg_pseudo_labels", "clip_like", "r_super"]
    assert list(table.index) == [*paper, "mine"]  # controls are not paradigms
    assert list(table.loc["r_super", list(TICKS)]) == ["yes"] * 5
    assert list(table.loc["segmentation", list(TICKS)]) == ["no"] * 5
    assert table.loc["clip_like", "status"] == "not implemented"
    assert table.loc["clip_like", "uses_reports"] == ""
    assert (table["differs_from_paper"] == "").all()


def test_a_tick_other_than_the_papers_is_named():
    cards = [Card("multi_task", "Multi-task", Uses(all_images=True, reports="text"), NEITHER)]
    table = table1(cards).set_index("method")
    assert table.loc["multi_task", "differs_from_paper"] == "uses_detailed_report_info"
