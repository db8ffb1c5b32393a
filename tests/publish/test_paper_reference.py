import pandas as pd

from rsuper.publish.audit.printed import PrintedRow, printed_rows
from rsuper.publish.claims import reported_results
from rsuper.publish.paper_reference import COLUMNS, paper_reference


def test_an_unreadable_cell_is_unknown_and_not_zero():
    row = PrintedRow("2", "all", "nnunet", 344, 0, "pancreas", "JHH-Test", {"dsc": 53, "nsd": None})
    guessed = PrintedRow("2", "all", "clip_like", 344, 9, "pancreas", "JHH-Test", {"f1": 58}, guessed=True)
    frame = paper_reference([row, guessed])
    assert frame["reading"].tolist() == ["printed", "unreadable", "guessed column"]
    assert frame["percent"].isna().tolist() == [False, True, False]
    assert frame["mark"].tolist() == ["unknown"] * 3
    assert list(paper_reference([]).columns) == list(COLUMNS)


def test_the_shipped_cells_are_all_there():
    frame = paper_reference(printed_rows())
    assert not frame.duplicated(list(COLUMNS[:8])).any()
    known = {key: value for key, value in reported_results().items() if value == value}
    tables = frame[frame["table"].isin(["2", "3"]) & frame["percent"].notna()]
    # Claims read the same file by size, method, masks, target, test set and metric, as fractions.
    keys = ["stratum", "method", "masks", "target", "test_set", "metric"]
    ours = {tuple(row[:-1]): row[-1] / 100 for row in tables[[*keys, "percent"]].itertuples(index=False)}
    assert ours == {key: known[key] for key in ours}
    assert len(ours) > 200


def test_it_goes_through_csv(tmp_path):
    path = tmp_path / "paper_reference.csv"
    frame = paper_reference(printed_rows())
    frame.to_csv(path, index=False)
    assert pd.read_csv(path)["percent"].isna().sum() == (frame["reading"] == "unreadable").sum() > 0
