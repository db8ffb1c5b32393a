from rsuper.methods import Card, Uses, available
from rsuper.publish.deviations import DOCS, FILE, HEAD, deviations_markdown

COMMITTED = (DOCS / FILE).read_text(encoding="utf-8")


def card(name, *deviations):
    uses = Uses(all_images=False, masks=True, reports="none")
    return Card(label=name.upper(), version=1, citation="x", uses=uses, deviations=deviations, name=name)


def test_the_committed_file_is_what_head_and_cards_give():
    head = (DOCS / HEAD).read_text(encoding="utf-8")
    assert deviations_markdown(head, available()) == COMMITTED, "stale: run `make docs`"


def test_every_point_stands_under_its_method():
    for name, own in available().items():
        _, _, section = COMMITTED.partition(f"### {own.label} (`{name}`)\n")
        points = section.partition("\n### ")[0].splitlines()
        assert own.deviations
        assert [point for point in own.deviations if f"- {point}" not in points] == []


def test_rendered_by_hand():
    cards = {"b": card("b", "Second.", "Third."), "a": card("a", "First."), "c": card("c")}
    expected = "# Head\n\n### A (`a`)\n\n- First.\n\n### B (`b`)\n\n- Second.\n- Third.\n"
    assert deviations_markdown("# Head\n\n", cards) == expected
    assert deviations_markdown("# Head", {}) == "# Head\n"
