from long_forms import comparison, comparisons_of

from rsuper.artifacts import read_table
from rsuper.methods import Card, Uses, available
from rsuper.publish.deviations import (
    CONFIGS,
    DOCS,
    FILE,
    HEAD,
    MEASURED,
    deviations_markdown,
    effects_markdown,
    of_the_suite,
)
from rsuper.schemas import COMPARISONS

COMMITTED = (DOCS / FILE).read_text(encoding="utf-8")


def card(name, *deviations):
    uses = Uses(all_images=False, masks=True, reports="none")
    return Card(label=name.upper(), version=1, citation="x", uses=uses, deviations=deviations, name=name)


def test_the_committed_file_is_what_head_and_cards_give():
    head = (DOCS / HEAD).read_text(encoding="utf-8")
    effects = effects_markdown(read_table(MEASURED, COMPARISONS))
    cards = of_the_suite(available())
    assert deviations_markdown(head, cards, effects) == COMMITTED, "stale: run `make docs`"


def test_a_draft_that_no_experiment_of_the_suite_names_is_left_out(tmp_path):
    text = (CONFIGS / "micro.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(text.replace("r_super]}", "r_super-volume_only, mine]}"))
    cards = {name: card(name) for name in ("mine", "draft", "r_super", "segmentation", "silent", "nnunet")}
    assert set(of_the_suite(cards, tmp_path)) == {"mine", "r_super", "segmentation", "silent"}
    assert of_the_suite(available()).keys() >= {"segmentation", "r_super", "nnunet", "all_masks", "oracle"}


def test_effects_by_hand():
    rows = [
        comparison("r_super-a", "auc", -0.01, 0.03, 0.2),
        comparison("r_super-a", "dsc", 0.1, 0.2, 0.01, convention="tumor_cases"),
        comparison("r_super-a", "dsc", 0.3, 0.4, 0.01),
        comparison("segmentation", "auc", 0.1, 0.2, 0.01),
        comparison("r_super-a", "auc", 0.5, 0.6, 0.01, stratum="small"),
    ]
    assert effects_markdown(comparisons_of(rows)).splitlines()[2:] == [
        "| r_super-a | full | pancreas | external | +1.0 (-1.0 to +3.0) | +15.0 (+10.0 to +20.0) |"
    ]


def test_every_point_stands_under_its_method():
    for name, own in of_the_suite(available()).items():
        _, _, section = COMMITTED.partition(f"### {own.label} (`{name}`)\n")
        points = section.partition("\n### ")[0].splitlines()
        assert own.deviations
        assert [point for point in own.deviations if f"- {point}" not in points] == []


def test_rendered_by_hand():
    cards = {"b": card("b", "Second.", "Third."), "a": card("a", "First."), "c": card("c")}
    expected = "# Head\n\n### A (`a`)\n\n- First.\n\n### B (`b`)\n\n- Second.\n- Third.\n"
    assert deviations_markdown("# Head\n\n", cards) == expected
    assert deviations_markdown("# Head", {}) == "# Head\n"
