import pandas as pd
import pytest

from rsuper.publish.audit.printed import printed_rows, rows_of, statements, table1_methods


def frame(*values):
    rows = [
        {"table": "2", "size": "all", "method": "m", "masks": 5, "reports": 0, "target": "a", "test_set": "T"}
        | {"metric": metric, "value": value}
        for metric, value in values
    ]
    return pd.DataFrame(rows)


def test_a_blank_is_unknown_and_a_zero_is_zero():
    (row,) = rows_of(frame(("f1", float("nan")), ("auc", 0.0)))
    assert row.cell("f1") is None
    assert row.cell("auc") == 0
    assert row.cell("dsc") is None
    assert not row.guessed


def test_guessed_rows_are_marked():
    assert rows_of(frame(("f1", 1.0)), [{"method": "m", "test_set": "T"}])[0].guessed
    assert not rows_of(frame(("f1", 1.0)), [{"method": "m", "test_set": "U"}])[0].guessed


@pytest.mark.parametrize("value", [50.5, -1.0, 101.0])
def test_cells_are_whole_percentages(value):
    with pytest.raises(ValueError, match="whole percentage"):
        rows_of(frame(("f1", value)))


def test_the_shipped_values():
    rows = printed_rows()
    assert sum(len(row.cells) for row in rows) == 474  # lines of reported_results.csv
    assert {row.table for row in rows} == {"2", "3", "2 (caption)"}
    assert [(row.method, row.test_set) for row in rows if row.guessed] == [("clip_like", "JHH-Test")]
    assert statements().sizes("UCSF-Test", "kidney") == {"all": 169, "small": 77, "large": 65, "unknown": 27}
    assert statements().sizes("elsewhere", "kidney") is None
    assert table1_methods()["clip_like"]
    assert not table1_methods()["models_genesis"]
