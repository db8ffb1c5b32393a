"""Bad tables of findings, vectors, prompts and stored answers: each is named with its file and row."""

import json

import pytest

from rsuper.config.experiment import Extraction, ReportVectors
from rsuper.data.cohort import read_findings
from rsuper.data.report_vectors import encoded, read_vectors
from rsuper.extraction.prompt import read_prompt
from rsuper.extraction.read import read_all
from rsuper.extraction.store import Store
from rsuper.extraction.tables import read_table_findings
from rsuper.reports.extract import extract
from tests.bad_input.refused import kinds, refused
from tests.data.bad_site import REPORT
from tests.fuzz.targets import PER_CT, PER_TUMOR

CELLS = b"R,1,2.5,0,"
PER_CT_BAD = {
    "empty table of findings": (b"", "findings.csv: no column of case ids"),
    "findings without ids": (
        PER_CT.replace(b"case_id", b"id"),
        "findings.csv: no column of case ids, one of",
    ),
    "findings without a column": (
        PER_CT.replace(b"number of kidney", b"kidney"),
        "findings.csv, row 2, case 'R': there is no column 'number of kidney lesion instances'",
    ),
    "number of tumors in words": (
        PER_CT.replace(CELLS, b"R,two,2.5,0,"),
        "row 2, case 'R': .*'two' is no number",
    ),
    "number of tumors below 0": (
        PER_CT.replace(CELLS, b"R,-1,2.5,0,"),
        "row 2, case 'R': .*'-1' is no number",
    ),
    "infinite size": (PER_CT.replace(CELLS, b"R,1,inf,0,"), "row 2, case 'R': .*'inf' is no number"),
    "findings of a case twice": (PER_CT + CELLS + b"\n", "findings.csv: rows 2 and 3 are both of case 'R'"),
    "findings in latin-1": (PER_CT + b"K\xf6ln,1,1,1,1\n", "findings.csv: not readable as CSV in UTF-8"),
    "findings with a cell without end": (PER_CT + b"x" * 140_000, "findings.csv: not readable as CSV"),
    "findings as gzip": (b"\x1f\x8b\x08\x00" + bytes(range(255)), "findings.csv: not readable as CSV"),
}
PER_TUMOR_BAD = {
    "tumors without sizes": (
        PER_TUMOR.replace(b"Tumor Size", b"Size"),
        "case 'R': there is no column 'Tumor Size",
    ),
    "tumors without organs": (
        PER_TUMOR.replace(b"ized Organ", b"ized Part"),
        "there is no column 'Standardized O",
    ),
}


@pytest.mark.parametrize("name", kinds("reports", PER_CT_BAD | PER_TUMOR_BAD))
def test_findings_of_others(name, tmp_path):
    content, says = (PER_CT_BAD | PER_TUMOR_BAD)[name]
    (tmp_path / "findings.csv").write_bytes(content)
    form = "per_ct" if name in PER_CT_BAD else "per_tumor"
    path = tmp_path / "findings.csv"
    refused(lambda: read_table_findings(path, form, {"R": REPORT}, kidney_certain=False), says)


@pytest.mark.parametrize("name", kinds("reports", ["no table of findings", "findings of other cases"]))
def test_a_table_that_says_nothing_of_the_cases(name, tmp_path):
    path = tmp_path / "findings.csv"
    if name == "findings of other cases":
        path.write_bytes(PER_CT)
    settings = Extraction(extractor="table", table=str(path))
    says = (
        "there is no file .*findings.csv"
        if name.startswith("no")
        else "findings.csv: 1 of 1 reports are not in"
    )
    refused(lambda: read_all({"other": REPORT}, settings, tmp_path / "answers.sqlite"), says)


LINE = json.loads(extract("own_R", REPORT).model_dump_json())
TUMOR = LINE["findings"][0]
LINES = {
    "findings.jsonl of another kind": (b"case_id,x\n", "line 1: not the findings of a report"),
    "findings.jsonl cut off": (json.dumps(LINE).encode()[:-9], "line 1: not the findings"),
    "findings.jsonl of a case twice": (
        2 * (json.dumps(LINE).encode() + b"\n"),
        "line 2: case 'own_R' stands",
    ),
    "findings.jsonl not in UTF-8": (b"\xff\xfe\n", "findings.jsonl: damaged: not in UTF-8"),
    "finding of another organ": (
        json.dumps({**LINE, "findings": [{**TUMOR, "organ": "liver"}]}).encode(),
        "line 1: not the findings .*organ",
    ),
    "finding of a size below 0": (
        json.dumps({**LINE, "findings": [{**TUMOR, "diameters_mm": [-3]}]}).encode(),
        "line 1: .*positive numbers",
    ),
    "organ with a tumor and without": (
        json.dumps({**LINE, "absent": ["pancreas", "kidney"]}).encode(),
        "an organ must be in one of findings",
    ),
}


@pytest.mark.parametrize("name", kinds("reports", LINES))
def test_lines_of_findings(name, tmp_path):
    content, says = LINES[name]
    (tmp_path / "findings.jsonl").write_bytes(content)
    refused(lambda: read_findings(tmp_path / "findings.jsonl"), f"findings.jsonl: .*{says.split(': ')[-1]}")


VECTORS = {
    "vectors without ids": (b"id,v0\nR,1\n", "vectors.csv: .*case_id"),
    "vectors without numbers": (b"case_id\nR\n", "not a table of report vectors"),
    "vector with a word": (b"case_id,v0\nR,x\n", "row 2, case 'R': a cell is not a finite number"),
    "vector with NaN": (b"case_id,v0\nA,1\nR,nan\n", "row 3, case 'R': a cell is not a finite number"),
    "vector of zeros": (b"case_id,v0\nR,0\n", "row 2, case 'R': the vector is zero"),
    "vector of a case twice": (b"case_id,v0\nR,1\nR,2\n", "row 3, case 'R': the case stands there more than"),
}


@pytest.mark.parametrize("name", kinds("reports", VECTORS))
def test_vectors(name, tmp_path):
    content, says = VECTORS[name]
    (tmp_path / "vectors.csv").write_bytes(content)
    refused(lambda: read_vectors(tmp_path / "vectors.csv"), says)


TEXTS = {
    "two reports": (["a mass", "a cyst"], "2 of 2 training reports have text"),
    "one text for all": (["a mass"] * 4, "1 of them different"),
    "reports without a word": (
        ["!", "?", "...", ";"],
        "4 training reports give no vectors: no text has a word",
    ),
    "reports of one word": (["mass", "mass.", "(mass)"], "give no vectors: the texts have one word"),
}


@pytest.mark.parametrize("name", kinds("reports", TEXTS))
def test_texts_that_nothing_tells_apart(name):
    texts, says = TEXTS[name]
    refused(lambda: encoded({str(n): text for n, text in enumerate(texts)}, ReportVectors(length=4)), says)


@pytest.mark.parametrize("name", kinds("reports", ["prompt that is not there", "prompt not in UTF-8"]))
def test_prompts(name, tmp_path):
    path = tmp_path / "own.md"
    if name == "prompt not in UTF-8":
        path.write_bytes(b"\xff")
    refused(lambda: read_prompt(str(path)), "extraction.prompt '.*own.md'")


@pytest.mark.parametrize("name", kinds("reports", ["answers that are no database"]))
def test_answers(name, tmp_path):
    (tmp_path / "answers.sqlite").write_bytes(b"no database" * 100)
    refused(lambda: Store(tmp_path / "answers.sqlite"), "answers.sqlite: no store of answers .*; remove it")


@pytest.mark.parametrize("name", kinds("reports", ["encoder that is not there"]))
def test_encoders(name, tmp_path):
    settings = ReportVectors(encoder="hugging_face", model=str(tmp_path / "none"))
    texts = {str(number): f"report {number}" for number in range(4)}
    refused(lambda: encoded(texts, settings), "report_vectors.model '.*none' cannot be loaded")
