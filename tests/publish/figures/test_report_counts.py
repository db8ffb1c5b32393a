import json

import pytest

from rsuper.artifacts import Layout, write_json, write_lines
from rsuper.errors import ArtifactError
from rsuper.publish.figures.report_counts import report_counts

RUN = ("full", "r_super", 0)


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    folder = layout.run(*RUN)
    use = {
        "organs_used": {"pancreas: positive": 9, "kidney: negative": 4},
        "organs_left_out": {"kidney: no size": 2},
    }
    write_json(use, folder / "report_use.json")
    lines = [
        {"step": 2, "loss": 1.5, "count:positive": 3, "count:unknown": 1},
        {"step": 4, "count:positive": 2},
    ]
    write_lines(map(json.dumps, lines), folder / "model" / "log.jsonl")
    return layout


def test_counts_by_hand(layout):
    frame = report_counts(layout, [RUN, ("few", "r_super", 1)])  # the second left nothing
    assert set(zip(frame["budget"], frame["method"], frame["seed"], strict=True)) == {RUN}
    assert frame[["kind", "target", "outcome", "n"]].to_numpy().tolist() == [
        ["organs", "pancreas", "positive", 9],
        ["organs", "kidney", "negative", 4],
        ["organs", "kidney", "no size", 2],
        ["regions", "", "positive", 5],
        ["regions", "", "unknown", 1],
    ]
    empty = report_counts(layout, [])
    assert len(empty) == 0
    assert list(empty) == list(frame)


def test_a_damaged_file_is_named(layout):
    (layout.run(*RUN) / "report_use.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"report_use\.json: not as it was written"):
        report_counts(layout, [RUN])
