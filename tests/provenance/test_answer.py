import json

import pytest

from rsuper.errors import ArtifactError
from rsuper.provenance.__main__ import main
from rsuper.provenance.answer import answer, in_words


@pytest.fixture(params=["records", "manifest"])
def known(request):
    """The folder as the jobs left it, and with its manifest: both can answer."""
    return request.getfixturevalue({"records": "results", "manifest": "written"}[request.param])


def test_a_table_knows_all_that_it_was_made_from(known):
    found = answer(known / "table2.csv")
    assert found["job"]["name"] == "table2"
    assert list(found["from"]) == ["metrics", "fit/few/r_super/seed-3", "phantom/tiny"]
    assert found["from"]["fit/few/r_super/seed-3"]["run"]["cohort_sha256"] == "c0"
    text = in_words(found)
    assert f"table2.csv (sha256 {found['sha256'][:12]}): made by job table2\n" in text
    assert "  cards     r_super 2 (folder, version)\n" in text
    assert "\nfrom\n  metrics: " in text
    assert ", cohort c0, volumes f0" in text


def test_a_run_says_seed_steps_data_and_whether_it_would_come_out_again(known):
    text = in_words(answer(known / "runs" / "few" / "r_super" / "seed-3" / "weights.pt"))
    assert "  run       r_super (card version 2), seed 3, data seed 5: 7 steps in 1.5 s\n" in text
    assert "cohort c0, volumes f0, 4 CTs with masks, 6 with reports" in text
    assert "  again     repeatable: on a CPU" in text


def test_a_file_that_was_changed_since(known):
    (known / "table2.csv").write_text("auc\n0.9\n")
    with pytest.raises(ArtifactError, match=r"not the file that job table2 wrote at .* it was changed since"):
        answer(known / "table2.csv")


def test_what_nothing_is_known_of(known, tmp_path):
    (known / "note.txt").write_text("by hand")
    with pytest.raises(ArtifactError, match="made by no job of the workflow"):
        answer(known / "note.txt")
    (tmp_path / "note.txt").write_text("by hand")
    with pytest.raises(ArtifactError, match="nobody knows what made it"):
        answer(tmp_path / "note.txt")
    with pytest.raises(ArtifactError, match="no such file"):
        answer(known / "table9.csv")


def test_the_command(known, capsys, tmp_path):
    main([str(known / "table2.csv")])
    assert "made by job table2" in capsys.readouterr().out
    main([str(known / "table2.csv"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["job"]["settings"]["cards"]["r_super"]["version"] == 2
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "nothing.csv")])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith("ArtifactError: ")


def test_writing_and_keeping_by_command(known, capsys, tmp_path, monkeypatch):
    experiment = tmp_path / "tiny.yaml"
    from tests.conftest import CONFIG

    experiment.write_text(json.dumps(CONFIG))
    monkeypatch.chdir(tmp_path)
    main(["--write", str(experiment)])
    assert "results/tiny: " in capsys.readouterr().out
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "t.csv").write_bytes((known / "table2.csv").read_bytes())
    main(["--keep", str(known), str(tmp_path / "kept")])
    assert capsys.readouterr().out.endswith("made by no job: none\n")
