import os
import re
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsuper.reports.extract import EXTRACTOR, extract
from rsuper.reports.findings import report_sha256

REAL = (
    Path(os.environ.get("RSUPER_REAL_DATA", Path(__file__).parents[2].parent / "shared" / "real")) / "reports"
)


def tumors(text):
    """(segments, diameters) of every tumor; the organ where no segment is named."""
    found = extract("a", text).findings
    return [(" ".join(f.segments) or f.organ, f.diameters_mm) for f in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There is a 2.3 x 1.8 cm mass in the pancreatic head.", [("head", (23, 18))]),
        ("Pancreatic tail lesion measuring 23 mm.", [("tail", (23,))]),
        ("In the tail of the pancreas, there is a 2 cm nodule.", [("tail", (20,))]),
        ("A mass in the uncinate process measures 23 mm.", [("head", (23,))]),
        ("Neoplasm of the neck of the pancreas.", [("head", ())]),
        ("Pancreas: There is a 2 cm mass in the head.", [("head", (20,))]),
        ("The pancreas has a 2 cm mass in its tail.", [("tail", (20,))]),
        ("Tumor of the body and tail of pancreas", [("body tail", ())]),
        ("A mass in the pancreas measures 4 cm.", [("pancreas", (40,))]),
        ("There is an 8x55mm lesion in the interpolar region of the right kidney.", [("right", (55, 8))]),
        ("Left upper pole renal mass, 3.1 cm.", [("left", (31,))]),
        ("Solid renal mass on the left, currently 43 mm, compared to 35 mm.", [("left", (43,))]),
        ("Renal cell carcinoma measuring 5 cm.", [("kidney", (50,))]),
        ("Mass in the pancreatic tail measuring up to 4.7 cm.", [("tail", (47,))]),
        ("Sub-centimeter lesion in the pancreatic body.", [("body", ())]),
        ("Lesion in the pancreatic body measuring less than 1 cm.", [("body", ())]),
        ("A mass of the left kidney is 2-3 cm.", [("left", ())]),
        ("There is a mass in the pancreatic head. It measures 2.3 cm.", [("head", (23,))]),
        ("A pancreatic head mass is seen. The mass measures 23 mm and abuts the SMV.", [("head", (23,))]),
        (
            "Mass in the left kidney measuring 23 x 18 mm in the axial plane and 25 mm craniocaudally.",
            [("left", (25, 23, 18))],
        ),
        ("Masses in the head (23 mm) and tail (15 mm) of the pancreas.", [("head", (23,)), ("tail", (15,))]),
        (
            "Bilateral renal masses measuring 2.3 cm on the right and 1.5 cm on the left.",
            [("left", (15,)), ("right", (23,))],
        ),
        ("Two left renal masses measuring 12 mm and 15 x 10 mm.", [("left", (12,)), ("left", (15, 10))]),
        (
            "A 2 cm mass in the pancreatic head and a 3 cm mass in the left kidney.",
            [("head", (20,)), ("left", (30,))],
        ),
        (
            "Two pancreatic masses: a 2 cm mass in the head and a 3 cm mass in the tail.",
            [("head", (20,)), ("tail", (30,))],
        ),
        (
            "A 2 cm mass in the left kidney. Another mass in the left kidney is 1 cm.",
            [("left", (20,)), ("left", (10,))],
        ),
        ("A 2 cm pancreatic body mass encases the splenic artery.", [("body", (20,))]),
        ("A cystic mass in the pancreatic tail measures 3 cm.", [("tail", (30,))]),
        ("No significant change in the 2.3 cm pancreatic body mass.", [("body", (23,))]),
        ("No mass in the liver, but a 2 cm mass in the left kidney.", [("left", (20,))]),
        ("A mass obstructing the pancreatic duct in the pancreatic head measures 2 cm.", [("head", (20,))]),
        ("A 2 cm mass in the pancreatic head, suspicious for adenocarcinoma.", [("head", (20,))]),
        ("A mass in the pancreatic head with dilatation of the pancreatic duct to 7 mm.", [("head", ())]),
        ("A 3 cm cyst and a mass measuring 2 cm in the right kidney.", [("right", (20,))]),
    ],
)
def test_tumors_are_read(text, expected):
    assert sorted(tumors(text)) == sorted((s, tuple(map(float, d))) for s, d in expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "No focal pancreatic lesion.",
        "The kidneys show no tumor.",
        "A pancreatic mass is not seen.",
        "The previously seen left renal mass has resolved.",
        "Simple cyst in the left kidney measuring 18 mm.",
        "Round low-density lesion in the right kidney, suggestive of a renal cyst.",
        "Cystic lesion with low density in the right kidney.",
        "A 4 mm stone in the lower pole of the right kidney.",
        "The right kidney measures 11.2 cm in length.",
        "The pancreatic duct is dilated, measuring 7 mm.",
        "A biliary stent ends in the pancreatic head.",
        "A peripancreatic lymph node measures 12 mm.",
        "A 3 cm mass in the liver abuts the right kidney.",
        "A retroperitoneal mass, unrelated to the left kidney.",
        "A left adrenal nodule measures 2 cm.",
        "HISTORY: pancreatic mass.\nTECHNIQUE: CT for renal tumor.\nFINDINGS: Normal.",
        "Patient with history of pancreatic cancer.",
    ],
)
def test_what_is_no_tumor_of_a_target(text):
    assert tumors(text) == []


def test_organs_said_to_be_free_are_absent_and_others_unmentioned():
    found = extract("a", "No tumor is seen in the liver, pancreas, or kidney.")
    assert (found.absent, found.unmentioned) == (("pancreas", "kidney"), ())
    found = extract("a", "The pancreas is unremarkable. The spleen is normal.")
    assert (found.absent, found.unmentioned) == (("pancreas",), ("kidney",))
    # one segment or one kidney without tumor does not free the organ; a stone says nothing about tumors
    found = extract("a", "No mass in the pancreatic head. A 4 mm stone in the left kidney.")
    assert (found.absent, found.unmentioned) == ((), ())


def test_the_rest_of_an_organ_with_a_tumor_is_not_absent():
    found = extract("a", "A 2 cm mass in the pancreatic head. The pancreas is otherwise unremarkable.")
    assert len(found.findings) == 1
    assert found.absent == ()


@pytest.mark.parametrize(
    "summary",
    [
        "Pancreatic head mass, 2.3 cm, suspicious for adenocarcinoma.",
        "Findings in the head of the pancreas most consistent with adenocarcinoma.",
        "1. Pancreatic mass as described.",
        "Adenocarcinoma of the uncinate process.",
    ],
)
def test_the_impression_repeats_and_does_not_add(summary):
    text = f"FINDINGS: A 23 x 18 mm mass in the pancreatic head.\nIMPRESSION: {summary}"
    assert tumors(text) == [("head", (23.0, 18.0))]


def test_the_impression_completes_what_the_text_leaves_open():
    text = "FINDINGS: There is a mass in the pancreas.\nIMPRESSION: 2 cm pancreatic tail mass."
    assert tumors(text) == [("tail", (20.0,))]


def test_the_impression_may_hold_a_tumor_the_text_does_not():
    text = (
        "FINDINGS: A 2 cm mass in the left kidney.\nIMPRESSION: Left renal mass. Mass in the pancreatic tail."
    )
    assert tumors(text) == [("left", (20.0,)), ("tail", ())]


def test_prior_size_attenuation_span_and_identity():
    text = (
        "FINDINGS: Normal liver. A hypodense 24 mm mass in the right kidney, previously 20 mm. Normal spleen."
    )
    found = extract("case-3", text)
    (finding,) = found.findings
    assert finding.prior_mm == (20.0,)
    assert finding.attenuation == "hypo"
    assert text[slice(*finding.span)] == "A hypodense 24 mm mass in the right kidney, previously 20 mm."
    assert (found.case_id, found.report_sha256, found.extractor) == ("case-3", report_sha256(text), EXTRACTOR)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("A mass in the left kidney.", 1),
        ("Three masses in the left kidney, the largest 3 cm.", 3),
        ("Multiple masses in the left kidney, the largest measuring 3 cm.", None),
    ],
)
def test_count(text, count):
    (finding,) = extract("a", text).findings
    assert finding.count == count
    assert finding.diameters_mm == ((30.0,) if count != 1 else ())


@pytest.mark.parametrize(
    "text",
    [
        "Possible mass in the left kidney.",
        "A left renal tumor cannot be excluded.",
        "It may represent a renal tumor.",
    ],
)
def test_doubt_about_presence(text):
    (finding,) = extract("a", text).findings
    assert not finding.certain


def test_doubt_about_kind_is_no_doubt_about_presence():
    (finding,) = extract("a", "A 2 cm left renal mass, possibly malignant.").findings
    assert finding.certain


WORDS = st.sampled_from(
    (  # noqa: SIM905 (a list of forty words would be forty lines)
        "no without mass masses lesion 2 cm mm 3.4 x - , . ; : ( ) ? pancreas pancreatic head tail "
        "left right kidney kidneys renal both bilateral two multiple previously cyst stone duct measures it "
        "the IMPRESSION: FINDINGS:"
    ).split()
)


@pytest.mark.parametrize(
    "text",
    [
        "A 2 cm hypodense lesion is seen in the left kidney. It was thought to be a cyst given its density.",
        "Two nodules are seen in the right kidney. Considered to be stones.",
        "Hypodense lesion in the left kidney. Impression: Hypodense lesion (cyst?) in the left kidney.",
        "A lesion in the right kidney is noted. The lesion is thought to be a cyst.",
        "Thin-walled nodules or cysts in both kidneys.",
        "Soft tissue mass adjacent to the left adrenal gland-kidney.",
    ],
)
def test_what_a_later_word_calls_benign_is_no_tumor(text):
    assert extract("a", text).findings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A mass stays one, and so does a lesion that another sentence's cyst has nothing to do with.
        ("A 2 cm mass in the left kidney. It was thought to be a cyst.", [("left", (20,))]),
        ("A 2 cm lesion in the left kidney. Lesion (cyst?) in the right kidney.", [("left", (20,))]),
        ("A 2 cm solid nodule in the left kidney. Considered to be a cyst.", [("left", (20,))]),
        ("Shadow in the right renal cortex, likely a renal tumor.", [("right", ())]),
        ("A 2 cm soft tissue mass in the left kidney.", [("left", (20,))]),
        ("A 65x40mm nodule arising from the far distal pancreatic tail.", [("tail", (65, 40))]),
        ("Target lesion: tumor, left kidney, 0.8 cm.", [("left", (8,))]),
        ("No renal mass. A 5 mm nodule at the right lung base.", []),
        ("Nothing to suggest a pancreatic tumor.", []),
        ("Tumor: a mass in the left kidney, 2 cm.", [("left", (20,))]),
        ("A 2 cm mass in the left kidney, with partially exophytic growth.", [("left", (20,))]),
        ("Pancreas: mass: none; contour: smooth.", []),
        ("There is no doubt about a 2 cm mass in the left kidney.", [("left", (20,))]),
        ("A 2 cm growth in the cauda of the pancreas.", [("tail", (20,))]),
        ("Measured at 2.7 x 2.5 cm: nodule of the pancreatic body.", [("body", (27, 25))]),
        ("The right kidney measures 11 cm. A mass in the left kidney.", [("left", ())]),
        ("No mass in the left kidney. Left suprarenal gland: 19 mm nodule.", []),
        ("No growth of the stone in the left kidney.", []),
    ],
)
def test_what_stays_a_tumor(text, expected):
    assert tumors(text) == expected


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("The pancreas is natural.", {"pancreas"}),
        ("The kidneys enhance normally.", {"kidney"}),
        ("Both kidneys are smaller than normal.", set()),
        ("The kidney collecting systems are natural.", set()),
        ("The left kidney is normal. The right kidney is normal.", {"kidney"}),
        ("The left kidney is normal. A cyst in the right kidney.", set()),
        ("The right kidney was surgically removed. The left kidney is normal.", {"kidney"}),
        ("Status post right nephrectomy. No mass in the left kidney.", {"kidney"}),
        ("Status post right partial nephrectomy. No mass in the left kidney.", set()),
        ("Status post right nephrectomy.", set()),
    ],
)
def test_which_organs_are_free(text, free):
    assert set(extract("a", text).absent) == free


@given(st.text(max_size=400) | st.lists(WORDS, max_size=60).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text):
    found = extract("a", text)
    assert all(0 <= f.span[0] < f.span[1] <= len(text) for f in found.findings)


@pytest.mark.parametrize(
    "unit", ["mass a b ", "-", "\n ", "....", "head and body ", "3 cm renal mass and a ", "2 x "]
)
def test_time_grows_with_the_length_of_a_text_not_its_square(unit):
    def least_s(length):
        """Processor time: what else the machine does is not counted, and the least of three is its own."""
        text = "A renal mass " + unit * (length // len(unit)) + "x"
        return min(timed_s(text) for _ in range(3))

    def timed_s(text):
        start = time.process_time()
        extract("a", text)
        return time.process_time() - start

    assert least_s(80_000) < 10 * least_s(20_000)  # four times as long; the square would be 16 times


@pytest.mark.real
def test_real_reports_are_read_fast_and_without_error():
    if not REAL.is_dir():
        pytest.skip(f"no real reports at {REAL}; set RSUPER_REAL_DATA")
    free = pd.read_csv(REAL / "free_text_reports.csv", encoding="latin-1")["Report Text"]
    notes = pd.read_csv(REAL / "AbdomenAtlasRadiologistsNotes.csv", encoding="latin-1")["Notes"]
    texts = [*free.dropna(), *notes.dropna()]
    start = time.process_time()
    found = [extract(str(i), t) for i, t in enumerate(texts)]
    assert (time.process_time() - start) / len(texts) < 0.005
    assert sum(bool(f.findings) for f in found) < len(texts) / 4  # most notes are on other organs


@pytest.mark.real
def test_labeled_real_reports_agree_on_presence():
    if not REAL.is_dir():
        pytest.skip(f"no real reports at {REAL}; set RSUPER_REAL_DATA")
    table = pd.read_csv(REAL / "free_text_reports.csv", encoding="latin-1")
    for row in table.to_dict("records"):
        found = extract("a", re.sub(r"\r\n?", "\n", str(row["Report Text"])))
        assert bool(found.of("pancreas")) == bool(row["Pancreas Tumor"])
        assert bool(found.of("kidney")) == bool(row["Kidney Tumor"])
