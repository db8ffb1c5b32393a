"""Sealed files: what is no longer as it was written is refused, with what to do."""

import os
import subprocess

import pandas as pd
import pytest

from rsuper.artifacts import (
    METADATA,
    Layout,
    read_json,
    read_lines,
    read_table,
    write_json,
    write_lines,
    write_table,
)
from rsuper.errors import ArtifactError
from rsuper.files import require_all_whole, seal, seal_of
from rsuper.schemas import LEAKED, VOLUMES


def table(path):
    row = {"case_id": "a", "shape": "1 2 3", "spacing_mm": "4 4 4", "has_tumors": True, "reason": ""}
    write_table(pd.DataFrame([row, row]), path, VOLUMES)


READERS = [
    (table, lambda path: read_table(path, VOLUMES)),
    (lambda path: write_json({"a": 1234}, path), read_json),
    (lambda path: write_lines(["one", "two"], path), lambda path: list(read_lines(path))),
]


@pytest.mark.parametrize(("write", "read"), READERS)
def test_damage_is_refused_at_every_byte(tmp_path, write, read):
    path = tmp_path / "a.csv"
    write(path)
    read(path)
    whole, state = path.read_bytes(), path.stat()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        for content in (damaged, whole[:place]):
            path.write_bytes(content)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # no trace in its time
            with pytest.raises(
                ArtifactError, match=r"a\.csv: not as it was written.*run again after: rm .*a\.csv;"
            ):
                read(path)
    path.write_bytes(whole)
    read(path)


def test_a_file_of_the_users_own_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1]", encoding="utf-8")
    assert read_json(path) == [1]
    write_json([2], path)
    path.write_text("[3]", encoding="utf-8")
    with pytest.raises(ArtifactError, match="if you changed it on purpose, remove"):
        read_json(path)
    seal_of(path).unlink()
    assert read_json(path) == [3]


def test_tables_that_users_write_are_not_sealed(tmp_path):
    write_table(pd.DataFrame(columns=list(METADATA.columns)), tmp_path / "metadata.csv", METADATA)
    write_table(pd.DataFrame(columns=list(LEAKED.columns)), tmp_path / "leaked.csv", LEAKED)
    assert [path.name for path in tmp_path.glob(".*")] == [".leaked.csv.sha256"]


def test_writing_again_seals_again(tmp_path):
    path = tmp_path / "a.json"
    for content in (1, 2):
        write_json(content, path)
        assert read_json(path) == content
    assert sorted(each.name for each in tmp_path.iterdir()) == [".a.json.sha256", "a.json"]


def test_a_kill_while_writing_leaves_no_false_seal(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(1, path)
    monkeypatch.setattr("rsuper.files.seal", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_json(2, path)
    assert read_json(path) == 2


def test_the_seal_is_one_that_sha256sum_reads(tmp_path):
    write_json([1], tmp_path / "a.json")
    seal(tmp_path / "a.json")
    done = subprocess.run(
        ["sha256sum", "-c", ".a.json.sha256"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0


def test_a_run_that_begins_looks_through_what_it_has(tmp_path):
    layout = Layout(tmp_path / "results")
    run = layout.run("full", "silent", 0)
    places = [layout.table("metrics.json"), layout.data("d") / "a.json", layout.raw("d") / "b.json"]
    places += [run / "run.json", run / "cases" / "c.json", run / "predictions" / "test" / "p.json"]
    places += [run / "model" / "training.json", run / "model" / "stage" / "training.json"]
    for path in places:
        write_json([1], path)
    require_all_whole(layout.sealed_folders())
    for path in places:
        path.write_text("[2]", encoding="utf-8")
        with pytest.raises(ArtifactError, match=f"{path.name}: not as it was written"):
            require_all_whole(layout.sealed_folders())
        write_json([1], path)
    for path in places[:3]:
        path.write_text("[2]", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"metrics\.json: .*\(and 2 more\).*rm \S+ \S+ \S+;"):
        require_all_whole(layout.sealed_folders())
    places[0].unlink()  # what is missing is made anew, not damaged
    places[1].unlink()
    places[2].unlink()
    require_all_whole(layout.sealed_folders())
