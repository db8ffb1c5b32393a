import pytest

from rsuper.config.experiment import Extraction
from rsuper.extraction_report.document import document
from rsuper.extraction_report.labeled import LabeledSet, case_of
from rsuper.extraction_report.phantom_sets import phantom_sets
from rsuper.extraction_report.score import ACCURACY, DISAGREEMENTS, score, told
from rsuper.reports.extract import VERSION, extract
from rsuper.reports.findings import Finding
from rsuper.reports.truth import Truth
from tests.extraction.server import Server, answer_by_rules

SECRET = "Zebra"  # a word of every report: must be nowhere


def labeled():
    """Three reports; of two the truth is made to differ from what the rules read."""
    texts = {
        "1": f"{SECRET}. A 2.0 cm mass in the pancreatic head. Kidneys: normal.",
        "2": f"{SECRET}. Pancreas: normal. A mass in the left kidney measures 30 mm.",
        "3": f"{SECRET}. Pancreas: normal. Kidneys: normal.",
    }
    truths = {place: Truth(extract(case_of("own", place), text)) for place, text in texts.items()}
    head = Finding(organ="pancreas", segments=("tail",), diameters_mm=(20.0,))
    left = Finding(organ="kidney", segments=("left",))
    changes = {"1": {"findings": (head,)}, "2": {"findings": (left, left)}}
    for place, update in changes.items():
        truths[place] = Truth(truths[place].report.model_copy(update=update))
    return LabeledSet("own", "three reports", texts, truths)


def row(accuracy, extractor, target, measure):
    chosen = accuracy.set_index(["extractor", "target", "measure"]).loc[(extractor, target, measure)]
    return chosen["count"], chosen["n"], chosen["value"]


def test_disagreements_are_listed_and_counted_without_text(tmp_path):
    sets = [labeled()]
    scores = score(sets, Extraction(), tmp_path / "none.sqlite")
    assert tuple(scores.accuracy.columns) == ACCURACY
    assert tuple(scores.disagreements.columns) == DISAGREEMENTS
    assert scores.ledger is None
    assert not (tmp_path / "none.sqlite").exists()
    assert scores.disagreements.to_numpy().tolist() == [
        ["rules", "own", "1", "pancreas", "wrong_segment", "tail 20", "head 20"],
        ["rules", "own", "2", "kidney", "size_invented", "left; left", "left 30"],
        ["rules", "own", "2", "kidney", "wrong_count", "left; left", "left 30"],
    ]
    assert set(scores.accuracy["version"]) == {f"rules:{VERSION}"}
    assert row(scores.accuracy, "rules", "pancreas", "presence_sensitivity") == (1, 1, 1)
    assert row(scores.accuracy, "rules", "pancreas", "location_precision") == (0, 1, 0)
    assert row(scores.accuracy, "rules", "kidney", "error_wrong_count") == (
        1,
        3,
        pytest.approx(1 / 3, abs=1e-6),
    )
    told_to_people = document(scores.accuracy, sets, ["Skipped."])
    assert "| wrong_count     | 0 / 1 " in told_to_people
    assert "Skipped." in told_to_people
    everything = told_to_people + scores.accuracy.to_csv() + scores.disagreements.to_csv()
    assert SECRET not in everything


def test_the_same_call_gives_the_same_bytes(tmp_path):
    first, second = (score(phantom_sets(20), Extraction(), tmp_path / "x") for _ in range(2))
    assert first.accuracy.to_csv() == second.accuracy.to_csv()
    assert first.disagreements.to_csv() == second.disagreements.to_csv()
    assert list(first.accuracy["set"].unique()) == ["phantom_first", "phantom_second", "phantom_third"]


def test_a_language_model_is_scored_beside_the_rules(tmp_path):
    """It answers as the rules read, but has no usable answer for the second report."""
    server = Server(
        lambda text, before, body: "I cannot." if "left kidney" in text else answer_by_rules(text)
    )
    settings = Extraction(extractor="llm", server=server.url, model="m", most_failed=0.5)
    sets = [labeled()]
    try:
        scores = score(sets, settings, tmp_path / "answers.sqlite")
        asked = sum(server.asked.values())
        again = score(sets, settings, tmp_path / "answers.sqlite")
        assert sum(server.asked.values()) == asked  # kept
    finally:
        server.close()
    assert scores.accuracy.to_csv() == again.accuracy.to_csv()
    assert scores.ledger.to_csv() == again.ledger.to_csv()
    assert scores.ledger["case_id"].tolist() == ["own/1", "own/2", "own/3"]
    assert scores.ledger["read_by"].tolist() == ["llm", "nobody", "llm"]
    assert row(scores.accuracy, "rules", "kidney", "presence_sensitivity") == (1, 1, 1)
    assert row(scores.accuracy, "llm", "kidney", "presence_sensitivity") == (0, 1, 0)
    assert row(scores.accuracy, "llm", "kidney", "error_unread") == (1, 3, pytest.approx(1 / 3, abs=1e-6))
    listed = scores.disagreements[scores.disagreements["extractor"] == "llm"]
    assert listed[["case", "target", "kind"]].to_numpy().tolist() == [
        ["1", "pancreas", "wrong_segment"],
        ["2", "pancreas", "unread"],
        ["2", "kidney", "unread"],
    ]
    columns = [line for line in document(scores.accuracy, sets).splitlines() if "llm, kidney" in line]
    assert len(columns) == 1
    assert SECRET not in scores.ledger.to_csv() + scores.disagreements.to_csv()


def test_values_are_told_in_few_words():
    tumors = [
        Finding(organ="pancreas", segments=("body", "tail"), diameters_mm=(23.0, 18.5)),
        Finding(organ="pancreas", count=None, certain=False),
        Finding(organ="pancreas", segments=("head",), count=2),
    ]
    assert told("tumor", tumors) == "body+tail 23x18.5; ? several doubtful; head number 2"
    assert told("described", []) == "described"
