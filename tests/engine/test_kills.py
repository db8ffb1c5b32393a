"""Kill -9 at random moments of a training: what comes out is what an undisturbed one gives, bit by bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 20


@pytest.mark.slow
def test_twenty_kills_change_no_bit(tmp_path):
    command = [sys.executable, "-m", "tests.engine.killed", str(tmp_path), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert len(found["reached"]) == KILLS
    assert len(set(found["reached"])) > 3, found  # kills met it at different places
    assert found["hashes"][0] == found["hashes"][1]
    assert found["files"]["killed"] == found["files"]["whole"]  # nothing half written is left
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in path.read_text().splitlines()
        ]
        for path in (tmp_path / "whole" / "log.jsonl", tmp_path / "killed" / "log.jsonl")
    ]
    assert logs[0] == logs[1]  # none missing, none twice
