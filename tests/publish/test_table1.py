import pytest
from long_forms import Card, Ticks, Uses

from rsuper.errors import MethodError
from rsuper.publish.table1 import TICKS, table1, ticks


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
    assert tuple(ticks(Card("m", "M", uses, Ticks(*expected))).values())[:3] == expected


def test_a_card_cannot_claim_a_derived_tick():
    with pytest.raises(MethodError, match=r"method 'm': table1.uses_reports is True"):
        ticks(Card("m", "M", Uses(), Ticks(uses_reports=True)))


def test_missing_ticks_are_named():
    with pytest.raises(MethodError, match="method 'm': the card lacks table1"):
        ticks(Card("m", "M", table1=None))


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
    cards = [Card("multi_task", "Multi-task", Uses(all_images=True, reports="text"), Ticks(True, True, True))]
    table = table1(cards).set_index("method")
    assert table.loc["multi_task", "differs_from_paper"] == "uses_detailed_report_info"
