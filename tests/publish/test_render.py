import pandas as pd
from long_forms import comparison, comparisons_of, metric, metrics_of

from rsuper.publish.render import (
    MARKS_NOTE,
    leaked_notes,
    table_notes,
    table_sections,
    write_csv,
    write_twins,
)
from rsuper.publish.table2 import table2
from rsuper.schemas import LEAKED


def test_plain_table(tmp_path):
    frame = pd.DataFrame({"name": ["a|b_c", "50 % & {more}"], "n": [3, 4], "x": [0.25, float("nan")]})
    write_twins(frame, tmp_path / "t.csv")
    lines = (tmp_path / "t.md").read_text(encoding="utf-8").splitlines()
    assert [cell.strip() for cell in lines[2].replace(r"\|", "/").strip("|").split("|")] == [
        "a/b_c",
        "3",
        "0.25",
    ]
    latex = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert r"50 \% \& \{more\} & 4 &  \\" in latex
    assert r"a|b\_c & 3 & 0.25 \\" in latex
    assert latex.index(r"\toprule") < latex.index(r"\midrule") < latex.index(r"\bottomrule")


def test_empty_table(tmp_path):
    write_twins(pd.DataFrame({"a": []}), tmp_path / "t.csv")
    assert (tmp_path / "t.md").read_text(encoding="utf-8").startswith("| a")


def test_percent_and_marks_of_table2(experiment, cards, tmp_path):
    metrics = metrics_of([metric("full", "segmentation", "auc", 0.8123)])
    comparisons = comparisons_of([comparison("segmentation", "auc", 0.05, 0.2, 0.001)])
    table = table2(metrics, comparisons, experiment, cards, supervision={})
    path = tmp_path / "table2.csv"
    write_csv(table, path)
    write_twins(table, path, sections=table_sections(table, experiment), notes=[MARKS_NOTE])
    markdown = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "81.2*†" in markdown
    assert "| pancreas external AUC" in markdown
    assert [line for line in markdown.splitlines() if line.startswith("## ")] == [
        "## As in the paper",
        "## Beyond the paper",
        "## Number of test cases",
    ]
    latex = path.with_suffix(".tex").read_text(encoding="utf-8")
    assert r"81.2*$^{\dagger}$" in latex
    assert r"\multicolumn{6}{c}{pancreas external}" in latex
    assert pd.read_csv(path).shape == table.shape


def test_every_latex_row_has_as_many_cells(experiment, cards, tmp_path):
    table = table2(metrics_of([]), comparisons_of([]), experiment, cards, supervision={})
    write_twins(table, tmp_path / "t.csv", sections=table_sections(table, experiment))
    for part in (tmp_path / "t.tex").read_text(encoding="utf-8").split(r"\end{tabular}")[:-1]:
        columns = part.split(r"\begin{tabular}{")[1].split("}")[0]
        body = part.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
        assert {line.replace(r"\&", "").count("&") + 1 for line in body} == {len(columns)}


def test_notes_name_seeds_and_leaked_patients(experiment):
    assert "training seeds" not in table_notes(experiment, "oracle_test")[1]
    three = experiment.model_copy(update={"seeds": (0, 1, 2)})
    assert "Means over 3 training seeds; a mark also asks" in table_notes(three, "validation")[1]
    rows = [
        ("a", "p", "test", "mask_train"),
        ("b", "p", "test", "mask_train"),
        ("c", "q", "test", "report_train"),
    ]
    leaked = pd.DataFrame(rows, columns=list(LEAKED.columns))
    assert leaked_notes(leaked[:0]) == []
    counts = "3 test CTs of 2 patients who are in training too"
    assert leaked_notes(leaked) == [f"Without {counts}; leaked.csv names them."]
    assert leaked_notes(leaked, included=True)[0].startswith(f"With {counts}")
