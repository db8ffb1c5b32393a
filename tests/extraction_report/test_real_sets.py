import pytest

from rsuper.config.experiment import Extraction
from rsuper.errors import DataError
from rsuper.extraction_report.real_sets import LABELS, real_report_files, real_sets, truth_of
from rsuper.extraction_report.score import score


def row(**cells):
    return {"pancreas": "unmentioned", "kidney": "described", "tumors": "", **cells}


def test_labels_become_truths():
    truth = truth_of(row(kidney="tumor", tumors="kidney left 8x11; kidney ?"), "a", "")
    assert truth.status("pancreas") == "unmentioned"
    assert [(f.segments, f.diameters_mm) for f in truth.report.of("kidney")] == [
        (("left",), (11, 8)),
        ((), ()),
    ]
    assert not truth.has_certainty
    two = truth_of(row(pancreas="tumor", kidney="free", tumors="pancreas tail+body"), "a", "")
    assert two.report.findings[0].segments == ("body", "tail")
    assert two.status("kidney") == "free"
    loose = truth_of(row(pancreas="doubtful", kidney="not_tumor"), "a", "")
    assert [loose.status(target) for target in ("pancreas", "kidney")] == ["doubtful", "not_tumor"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"kidney": "tumour"}, "labels must be among"),
        ({"kidney": "tumor"}, "tumors must be given"),
        ({"tumors": "kidney left"}, "tumors must be given"),
    ],
)
def test_labels_that_cannot_be(cells, message):
    with pytest.raises(ValueError, match=message):
        truth_of(row(**cells), "a", "")


def test_labels_hold_no_text():
    lines = LABELS.read_text().splitlines()
    assert lines[0] == "set,file,row,pancreas,kidney,tumors"
    assert len(lines) == 1 + 299
    assert max(map(len, lines)) < 100


def test_without_the_real_data_there_are_no_real_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("RSUPER_REAL_DATA", str(tmp_path))
    assert real_report_files() == []
    assert real_sets([]) == []


def test_another_version_of_a_file_is_refused(tmp_path):
    path = tmp_path / "free_text_reports.csv"
    path.write_text("Report Text\nSecret.\n")
    with pytest.raises(DataError, match="not the version of this file that was labeled") as error:
        real_sets([path])
    assert "Secret" not in str(error.value)


@pytest.mark.real
def test_our_rules_read_the_real_reports_as_labeled(real, tmp_path):
    sets = real_sets(real_report_files())
    assert [(each.name, len(each.texts)) for each in sets] == [("real_first", 174), ("real_second", 125)]
    scores = score(sets, Extraction(), tmp_path / "none.sqlite")
    values = scores.accuracy.set_index(["set", "target", "measure"])
    for target in ("pancreas", "kidney"):
        assert values.loc[("real_second", target, "presence_specificity"), "value"] == 1
        assert values.loc[("real_first", target, "presence_sensitivity"), "value"] > 0.9
        assert values.loc[("real_first", target, "presence_precision"), "value"] > 0.9
    assert set(scores.disagreements["set"]) == {"real_first"}
