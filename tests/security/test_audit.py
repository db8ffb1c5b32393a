"""What is said of a service's answer, and of none: by stand-ins for pip-audit."""

import json
import sys

import pytest

from tests.security.audit import CLEAN, NO_ANSWER, VULNERABLE, judged, main

GOOD = {"name": "numpy", "version": "2.4.5", "vulns": []}
BAD = {"name": "requests", "version": "2.30", "vulns": [{"id": "GHSA-1", "fix_versions": ["2.31.0"]}]}
PASSED = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}
ANSWERS = {
    "clean": ([GOOD], CLEAN, "1 packages, none with a known vulnerability"),
    "vulnerable": ([GOOD, BAD], VULNERABLE, "requests 2.30: GHSA-1, mended in 2.31.0"),
    "passed over": ([GOOD, PASSED], NO_ANSWER, r"no answer about 1 of 2 packages, torch the first"),
    "vulnerable and passed over": ([BAD, PASSED], VULNERABLE, "1 of 2 packages are vulnerable"),
    "nothing": ([], NO_ANSWER, "no answer about 0 of 0 packages"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name):
    packages, status, says = ANSWERS[name]
    verdict = judged(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert verdict.status == status
    assert says in verdict.text


@pytest.mark.parametrize("printed", ["", "{", "[]", '{"dependencies": 3}'])
def test_no_answer(printed):
    verdict = judged(printed, "Traceback ...\nConnectionError: no route to host\n\n")
    assert verdict.status == NO_ANSWER
    assert verdict.text.startswith(
        "no answer: ConnectionError: no route to host; run `make audit-dependencies`"
    )


def test_the_program(tmp_path, capsys):
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint('{json.dumps({'dependencies': [GOOD]})}')\n")
    program.chmod(0o755)
    assert main([str(program), "constraints.txt"]) == CLEAN
    assert main([str(tmp_path / "none"), "constraints.txt"]) == NO_ANSWER
    assert main([]) == NO_ANSWER
    said = capsys.readouterr()
    assert said.out == "1 packages, none with a known vulnerability\n"
    assert "none: No such file or directory; `make audit-dependencies` installs it" in said.err
