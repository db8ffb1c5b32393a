"""A server that fails one request in five, and a run killed again and again: nothing is lost or doubled."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from rsuper.config.experiment import Extraction
from rsuper.extraction.ask import ask_all
from rsuper.extraction.prompt import read_prompt
from rsuper.extraction.store import Store
from rsuper.reports.findings import ReportFindings
from tests.extraction.server import Server, answer_for, reports

REPORTS, CONCURRENCY, KILLS, SEED = 200, 4, 4, 11
FAILING = 0.2
TIMEOUT_S, SLOW_S, USUAL_S = 1.0, 1.2, 0.01
FAILURES = (429, 500, "drop", "slow", '{"pancreas": ')
SETTINGS = {
    "extractor": "llm",
    "model": "m",
    "concurrency": CONCURRENCY,
    "timeout_s": TIMEOUT_S,
    "repairs": 3,
    "most_failed": 0,
}
SCRIPT = """
import json, sys
from pathlib import Path
from rsuper.config.experiment import Extraction
from rsuper.extraction.ask import ask_all
from rsuper.extraction.prompt import read_prompt
from rsuper.extraction.store import Store
from tests.extraction.server import reports
folder, settings = Path(sys.argv[1]), Extraction(**json.loads(sys.argv[2]))
store, prompt = Store(folder / "answers.sqlite"), read_prompt("findings.v1")
result = ask_all(reports(int(sys.argv[3])), settings, prompt, store, backoff_s=0.001)
(folder / "findings.jsonl").write_text("".join(f.model_dump_json() + "\\n" for f in result.findings))
result.ledger.to_csv(folder / "ledger.csv", index=False)
"""


class Failing:
    """Fails by a fixed seed, in whatever order it is asked; counts what it answers well and in time."""

    def __init__(self) -> None:
        self.failed: Counter[object] = Counter()
        self.well: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, report: str, before: int, body: object) -> object:
        rng = random.Random(f"{SEED} {before} {report}")
        failure = rng.choice(FAILURES) if rng.random() < FAILING else None
        with self._lock:
            if failure is None:
                self.well[report] += 1
                return USUAL_S, answer_for(report)
            self.failed[failure] += 1
        return (SLOW_S, answer_for(report)) if failure == "slow" else failure


def kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "answers.sqlite")) as store:
        return int(store.execute("select count(*) from answers").fetchone()[0])


def start(server: Server, folder: Path) -> subprocess.Popen[bytes]:
    root, settings = Path(__file__).parents[2], json.dumps({"server": server.url, **SETTINGS})
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), settings, str(REPORTS)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_failures_and_kills_lose_nothing_and_double_nothing(tmp_path):
    failing, rng = Failing(), random.Random(SEED)
    server = Server(failing)
    try:
        for _ in range(KILLS):
            process = start(server, tmp_path)
            moment = sum(server.asked.values()) + rng.randint(10, 45)
            while sum(server.asked.values()) < moment:
                assert process.poll() is None, "the run ended before it was killed"
                time.sleep(0.002)
            process.kill()
            process.wait()
            time.sleep(5 * USUAL_S)  # what was on its way is counted as answered
            # All but the answers that were on their way are on disk.
            assert 0 <= len(failing.well) - kept(tmp_path) <= CONCURRENCY
        assert not (tmp_path / "ledger.csv").exists()
        assert start(server, tmp_path).wait(60) == 0
    finally:
        server.close()

    assert set(failing.failed) == set(FAILURES)
    asked = sum(server.asked.values())
    # within four standard errors of one in five
    assert abs(sum(failing.failed.values()) / asked - FAILING) < 4 * (FAILING * (1 - FAILING) / asked) ** 0.5

    texts = reports(REPORTS)
    assert set(failing.well) == set(texts.values())
    assert sum(failing.well.values()) - REPORTS <= KILLS * CONCURRENCY

    ledger = pd.read_csv(tmp_path / "ledger.csv")
    assert ledger["case_id"].tolist() == list(texts)
    assert set(ledger["status"]) == {"parsed", "repaired"}
    assert set(ledger["read_by"]) == {"llm"}
    lines = (tmp_path / "findings.jsonl").read_text().splitlines()
    found = [ReportFindings.model_validate_json(line) for line in lines]
    assert [bool(each.of("pancreas")) for each in found] == ["mass in" in text for text in texts.values()]
    assert tuple(found) == undisturbed(tmp_path)


def undisturbed(folder: Path) -> tuple[ReportFindings, ...]:
    server, store = Server(lambda report, before, body: answer_for(report)), Store(folder / "other.sqlite")
    try:
        settings = Extraction(server=server.url, **SETTINGS)
        return ask_all(reports(REPORTS), settings, read_prompt("findings.v1"), store).findings
    finally:
        store.close()
        server.close()
