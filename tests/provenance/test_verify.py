import json
import shutil

import pytest

from rsuper.errors import ArtifactError
from rsuper.provenance import verify as module
from rsuper.provenance.listing import MANIFEST, TABLE
from rsuper.provenance.manifest import write
from rsuper.provenance.verify import differences, main, report, verify
from tests.provenance.conftest import count, overwrite


@pytest.fixture
def copied(listed, tmp_path):
    """A folder with its manifest, copied elsewhere."""
    return shutil.copytree(listed, tmp_path / "copy")


def test_a_copy_matches(copied):
    findings = verify(copied)
    assert findings.problems == {}
    files = count(copied)
    assert findings.files == files
    assert report(copied, findings).startswith(f"{copied} matches its manifest ({files} files, ")


def flip(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lambda root: flip(root / "table2.csv"), "changed", "table2.csv (sha256 "),
        (lambda root: flip(root / "raw/tiny/ct A.nii.gz"), "changed", "raw/tiny/ct A.nii.gz (sha256 "),
        (lambda root: (root / "table2.csv").write_text(""), "changed", "table2.csv (0 bytes, "),
        (lambda root: (root / "logs/metrics.log").unlink(), "missing", "logs/metrics.log"),
        (lambda root: (root / "new.csv").write_text("x"), "extra", "new.csv"),
        (lambda root: (root / ".hidden").write_text("x"), "extra", ".hidden"),
        (lambda root: (root / "link").symlink_to("nowhere"), "extra", "link"),
        (lambda root: flip(root / TABLE), "contradicting", f"{TABLE} is not the one of the manifest"),
    ],
)
def test_each_thing_that_does_not_match_is_named(copied, change, kind, text):
    change(copied)
    if kind == "contradicting":  # a damaged table may be none at all
        with pytest.raises(ArtifactError, match="not a table of files"):
            verify(copied)
        return
    problems = verify(copied).problems
    assert set(problems) == {kind}
    assert problems[kind][0].startswith(text)
    assert len(problems[kind]) == 1


def test_a_table_of_files_that_was_edited(copied):
    table = copied / TABLE
    table.write_text(table.read_text().replace("here", "when written", 1))
    assert verify(copied).problems == {"contradicting": [f"{TABLE} is not the one of the manifest"]}


def test_a_manifest_whose_hash_was_edited(copied):
    path = copied / MANIFEST
    content = json.loads(path.read_text())
    (entity,) = [entity for entity in content["@graph"] if entity["@id"] == "table2.csv"]
    entity["sha256"] = "0" * 64
    overwrite(path, json.dumps(content))
    (first, *_) = verify(copied).problems["contradicting"]
    assert first == f"{TABLE} and {MANIFEST} contradict each other about table2.csv"


def test_what_is_no_file_any_more(copied):
    (copied / "table2.csv").unlink()
    (copied / "table2.csv").symlink_to("nowhere")
    (text,) = verify(copied).problems["unreadable"]
    assert text.endswith("table2.csv: neither a file nor a folder; remove it")


def test_another_config_is_named_by_its_keys(copied, experiment):
    other = experiment.model_copy(update={"data_seed": 7})
    found = verify(copied, other).problems["of another config"]
    assert found == ["data_seed was 0, is 7"]


def test_a_job_that_ran_under_other_settings_than_the_rest(results, experiment):
    schedule = experiment.schedule.model_copy(update={"steps": 3})
    write(results, experiment.model_copy(update={"schedule": schedule}))
    assert verify(results).problems == {
        "of another config": ["runs/few/r_super/seed-3/run.json: schedule.steps was 2, is 3"]
    }


def test_a_job_that_ran_with_another_package(results, experiment):
    path = results / "provenance" / "table2.json"
    record = json.loads(path.read_text())
    record["versions"]["numpy"] = "1.0"
    overwrite(path, json.dumps(record))
    write(results, experiment)
    ((text,),) = verify(results).problems.values()
    assert text.startswith("table2.csv: numpy was '1.0', is '")


def test_code_is_compared_rule_by_rule(copied, experiment, monkeypatch):
    monkeypatch.setattr(module, "rule_code", lambda rule, experiment, dataset: {"fit": "c1"}.get(rule))
    found = verify(copied, experiment).problems["of other code"]
    assert len(found) == 1  # metrics and phantom noted no code, as the stand-in says; fit has its own
    assert found[0].startswith("table2.csv: rule table2 is another now (made at commit ")
    monkeypatch.undo()
    found = verify(copied, experiment).problems["of other code"]
    assert {text.partition(":")[0] for text in found} == {
        "raw/tiny/metadata.csv",
        "runs/few/r_super/seed-3/run.json",
        "metrics.csv",
        "table2.csv",
    }


def test_the_first_is_named_and_the_rest_are_counted(copied):
    for number in range(3):
        (copied / f"new{number}.csv").write_text("x")
    (copied / "table2.csv").unlink()
    text = report(copied, verify(copied))
    assert "does not match its manifest: 3 extra, 1 missing (" in text
    assert "\n  extra: new0.csv (and 2 more)\n  missing: table2.csv" in text
    assert "extra: new2.csv" in report(copied, verify(copied), everything=True)


class TestCommand:
    def test_a_match(self, copied, capsys):
        main([str(copied)])
        assert "matches its manifest" in capsys.readouterr().out

    def test_a_mismatch_ends_with_1(self, copied, capsys):
        flip(copied / "table2.md")
        with pytest.raises(SystemExit) as stopped:
            main([str(copied)])
        assert stopped.value.code == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert f"VerificationError: {copied} does not match its manifest: 1 changed (" in err

    def test_no_manifest(self, tmp_path, capsys):
        with pytest.raises(SystemExit) as stopped:
            main([str(tmp_path)])
        assert stopped.value.code == 1
        assert capsys.readouterr().err.startswith("ArtifactError: ")

    def test_nothing_named(self, capsys):
        with pytest.raises(SystemExit) as stopped:
            main([])
        assert stopped.value.code == 2
        assert "--config" in capsys.readouterr().err


def test_differences():
    then = {"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": None}
    now = {"a": {"b": 2, "c": [1, 2]}, "e": None, "f": 0}
    assert list(differences(then, now)) == ["a.b was 1, is 2", "d is no more", "f was not there"]
    assert list(differences(then, then)) == []
