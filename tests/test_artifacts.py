import json

import pandas as pd
import pytest

from rsuper.artifacts import (
    Layout,
    read_json,
    read_lines,
    read_table,
    write_atomically,
    write_json,
    write_lines,
    write_table,
)
from rsuper.errors import ArtifactError
from rsuper.schemas import COUNT, FLAG, NUMBER, TEXT, Table

TABLE = Table("small.csv", {"name": TEXT, "size": NUMBER, "n": COUNT, "found": FLAG})
HEADER = "name,size,n,found\n"


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "found": [True, False],
            "name": ["", 'a "b", c\nd'],
            "size": [1.5, float("nan")],
            "n": [0, 7],
            "more": ["x", ""],
        }
    )


def test_round_trip(tmp_path, frame):
    path = tmp_path / "new" / "small.csv"
    write_table(frame, path, TABLE)
    read = read_table(path, TABLE)
    assert list(read.columns) == [
        "name",
        "size",
        "n",
        "found",
        "more",
    ]  # the table's order, then what is extra
    assert read["name"].tolist() == ["", 'a "b", c\nd']  # blank text stays blank text
    assert read["more"].tolist() == ["x", ""]
    assert read["size"].iloc[0] == 1.5
    assert pd.isna(read["size"].iloc[1])
    assert read["n"].tolist() == [0, 7]
    assert read["found"].tolist() == [True, False]
    assert [str(read[c].dtype) for c in ("size", "n", "found")] == ["float64", "int64", "bool"]


def test_text_that_looks_like_something_else_stays_text(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER + "NA,nan,1,true\n007,,2,0\n")
    read = read_table(tmp_path / "t.csv", TABLE)
    assert read["name"].tolist() == ["NA", "007"]
    assert read["size"].isna().all()
    assert read["found"].tolist() == [True, False]


def test_an_empty_table_has_types(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER)
    read = read_table(tmp_path / "t.csv", TABLE)
    assert len(read) == 0
    assert [str(read[c].dtype) for c in ("size", "n", "found")] == ["float64", "int64", "bool"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"a,1,1,1\n")
    assert read_table(tmp_path / "t.csv", TABLE)["name"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,tall,1,1", "row 3, column 'size': expected a number, got 'tall'"),
        ("b,1,1.5,1", "row 3, column 'n': expected a count, got '1.5'"),
        ("b,1,,1", "row 3, column 'n': expected a count, got ''"),
        ("b,1,inf,1", "row 3, column 'n': expected a count, got 'inf'"),
        ("b,1,1,maybe", "row 3, column 'found': expected a flag, got 'maybe'"),
        ("b,1,1,", "row 3, column 'found': expected a flag, got ''"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, row, message):
    (tmp_path / "t.csv").write_text(HEADER + "a,1,1,1\n" + row + "\n")
    with pytest.raises(ArtifactError, match=rf"t.csv: {message}"):
        read_table(tmp_path / "t.csv", TABLE)


def test_a_missing_column_is_named_by_reader_and_writer(tmp_path, frame):
    (tmp_path / "t.csv").write_text("name,size,n\n")
    with pytest.raises(ArtifactError, match=r"t.csv: not a small.csv: column\(s\) \['found'\] missing"):
        read_table(tmp_path / "t.csv", TABLE)
    with pytest.raises(ArtifactError, match=r"\['n', 'found'\] missing"):
        write_table(frame[["name", "size"]], tmp_path / "w.csv", TABLE)
    assert not (tmp_path / "w.csv").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2,3\n", "not readable as CSV"),
        (b"a,b\n1,2\n1,2,3\n", "not readable as CSV"),
        (b"a\n\xff\xfe\n", "not readable as CSV"),
    ],
)
def test_no_table(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ArtifactError, match=f"t.csv: {message}"):
        read_table(tmp_path / "t.csv", TABLE)


def test_a_missing_table_says_how_to_make_it(tmp_path):
    with pytest.raises(ArtifactError, match=r"none.csv: no such file; make it with `snakemake"):
        read_table(tmp_path / "none.csv", TABLE)


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "volume.nii.gz"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def broken(temporary):
        assert temporary.name.endswith(".nii.gz")  # writers choose their format by the suffix
        temporary.write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(path, broken)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("volume.nii.gz", "old")]
    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(tmp_path / "new" / "volume.nii.gz", broken)
    assert list((tmp_path / "new").iterdir()) == []


def test_an_iterable_that_fails_leaves_no_lines(tmp_path):
    def lines():
        yield "one"
        raise RuntimeError("two")

    with pytest.raises(RuntimeError, match="two"):
        write_lines(lines(), tmp_path / "l.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_json_and_lines(tmp_path):
    write_json({"b": 1, "a": tmp_path}, tmp_path / "j.json")
    assert read_json(tmp_path / "j.json") == {"b": 1, "a": str(tmp_path)}
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"bad.json: damaged JSON"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(ArtifactError, match=r"none.json: no such file"):
        read_json(tmp_path / "none.json")
    write_lines([json.dumps({"text": "a\nb"}), "", "c"], tmp_path / "l.jsonl")
    assert [line.strip() for line in read_lines(tmp_path / "l.jsonl")] == ['{"text": "a\\nb"}', "c"]
    with pytest.raises(ArtifactError, match=r"none.jsonl: no such file"):
        list(read_lines(tmp_path / "none.jsonl"))


def test_the_default_experiment_owns_the_root():
    assert Layout.of("phantom").cohort("d").as_posix() == "results/data/d/cohort.csv"
    assert Layout.of("paper").run("few", "r_super-ball_only", 1).as_posix() == (
        "results/paper/runs/few/r_super-ball_only/seed-1"
    )
