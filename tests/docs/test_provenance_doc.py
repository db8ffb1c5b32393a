"""docs/provenance.md names what run.json holds and what verification finds; its shell command runs."""

import re
import subprocess
from pathlib import Path

import pytest

from rsuper.provenance import verify
from tests.test_records import KEYS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "provenance.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> set[str]:
    """Names in the first column of the table with this heading."""
    rows = TEXT.split(f"| {heading} | what |\n")[1].split("\n\n")[0].splitlines()[1:]
    return {name for row in rows for name in re.findall(r"`(\w[\w ]*)`", row.split("|")[1])}


def test_keys_of_a_record_are_there():
    named = first_cells("key")
    assert len(named) > 15
    assert named <= KEYS
    assert {"deterministic", "dirty", "cohort_sha256", "volumes_sha256", "peak_memory_mb"} <= named


def test_every_kind_of_mismatch_is_explained():
    code = Path(verify.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'findings\.add\("([\w ]+)"', code)) == first_cells("kind")


def test_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make (\w+)", TEXT)):
        assert re.search(rf"^[\w ]*\b{target}\b[\w ]*:", makefile, flags=re.MULTILINE), target


@pytest.fixture
def command():
    return re.search(r"^    (awk .*)$", TEXT, flags=re.MULTILINE)[1]


def test_hashes_can_be_checked_without_us(command, tmp_path):
    (tmp_path / "provenance").mkdir()
    (tmp_path / "a b.csv").write_text("x")
    sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    (tmp_path / "provenance" / "files.csv").write_text(f"path,bytes,sha256,hashed\na b.csv,1,{sha256},here\n")

    def check():
        return subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert check().returncode == 0
    (tmp_path / "a b.csv").write_text("y")
    assert (check().returncode, "a b.csv: FAILED" in check().stdout) == (1, True)
