import json
import shutil
from urllib.parse import unquote

import pytest

from rsuper.errors import ArtifactError
from rsuper.files import sha256_of
from rsuper.provenance.listing import MANIFEST, TABLE, files_of, read_listing
from rsuper.provenance.manifest import keep, load, maker_of, records_below, upstream_of, write
from rsuper.provenance.verify import verify
from tests.provenance.conftest import count, overwrite


def graph(root):
    content = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in content["@graph"]}


def test_every_file_is_listed_with_size_and_hash(listed):
    listing = read_listing(listed / TABLE)
    assert len(listing) == count(listed) >= 16
    assert {"table2.csv", "raw/tiny/ct A.nii.gz", "logs/metrics.log", "provenance/metrics.json"} <= set(
        listing
    )
    for path, entry in listing.items():
        assert (entry.bytes, entry.sha256) == (
            (listed / path).stat().st_size,
            sha256_of(listed / path),
        )


def test_every_reference_leads_somewhere_and_every_file_of_the_crate_is_there(listed):
    entities = graph(listed)

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else references(list(value.values()))
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    used = {name for entity in entities.values() for name in references(list(entity.values()))}
    assert used - set(entities) == {"https://w3id.org/ro/crate/1.1"}
    data = [entity for entity in entities.values() if entity["@type"] in ("File", "Dataset")]
    assert len(data) > 8
    assert [entity["@id"] for entity in data if not (listed / unquote(entity["@id"])).exists()] == []
    assert set(entities) - used == {MANIFEST}  # nothing hangs in the air


def test_the_standards_own_library_reads_it(listed):
    from rocrate.rocrate import ROCrate

    crate = ROCrate(listed)
    assert crate.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    action = crate.dereference("#table2")
    assert action.type == "CreateAction"
    assert action["instrument"]["name"] == "rsuper-bench, rule table2"
    assert {entity.id for entity in action["result"]} == {"table2.csv", "table2.md"}
    assert "metrics.csv" in {entity.id for entity in action["object"]}
    assert all((listed / unquote(entity.id)).exists() for entity in crate.data_entities)
    assert {entity.id for entity in crate.dereference("#phantom/tiny")["result"]} == {
        "raw/tiny/metadata.csv",
        "raw/tiny/",
    }


def test_what_the_profile_asks_of_an_action(listed):
    entities = graph(listed)
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert {action["name"] for action in actions} == {
        "phantom/tiny",
        "fit/few/r_super/seed-3",
        "metrics",
        "table2",
        "provenance",
    }
    root = entities["./"]
    assert {"name", "description", "datePublished", "license", "hasPart"} <= set(root)
    for action in actions:
        assert {"@id": action["@id"]} in root["mentions"]
        instrument = entities[action["instrument"]["@id"]]
        assert instrument["@type"] == "SoftwareSourceCode"
        assert instrument["version"]
        assert action["startTime"] <= action["endTime"]


def test_records_come_back_from_a_manifest_as_the_jobs_wrote_them(listed):
    then, now = dict(records_below(listed)), load(listed).records
    assert set(now) == {*then, "provenance"}
    assert {job: now[job] for job in then} == then
    assert now["table2"]["settings"]["cards"]["r_super"]["citation"] == "https://example.org/paper"
    assert now["fit/few/r_super/seed-3"]["run"]["seed"] == 3


def test_who_made_what(listed):
    records = load(listed).records
    assert maker_of("table2.md", records) == "table2"
    assert maker_of("runs/few/r_super/seed-3/weights.pt", records) == "fit/few/r_super/seed-3"
    assert maker_of("raw/tiny/ct A.nii.gz", records) == "phantom/tiny"
    assert maker_of("logs/table2.log", records) == ""
    assert maker_of("data/tiny/answers.sqlite", records) == ""  # no job of this folder read reports
    more = {"findings/tiny": records["metrics"], "extraction_report": records["metrics"]}
    assert maker_of("data/tiny/answers.sqlite", more) == "findings/tiny"
    assert maker_of("extraction_report/answers.sqlite", more) == "extraction_report"
    assert upstream_of(["table2"], records) == ["table2", "metrics", "fit/few/r_super/seed-3", "phantom/tiny"]


def test_hashes_of_stored_volumes_are_taken_from_their_index(written, experiment):
    folder = written / "data" / "tiny" / "volumes"
    folder.mkdir(parents=True)
    (folder / "A.ct.b2nd").write_bytes(b"voxels")
    (folder / "index.jsonl").write_text(json.dumps({"case_id": "A", "sha256": {"ct": "ab" * 32}}) + "\n")
    write(written, experiment)
    entry = read_listing(written / TABLE)["data/tiny/volumes/A.ct.b2nd"]
    assert (entry.bytes, entry.sha256, entry.hashed) == (6, "ab" * 32, "when written")


def test_what_is_not_of_this_experiment_is_left_out_and_named(written, experiment):
    before = count(written)
    shutil.copytree(written, written / "other")
    (written / "reference" / "old").mkdir(parents=True)
    (written / "again").symlink_to(written)
    (written / "logs" / ".table2.lock").write_text("process 1")
    (written / "README.md").write_text("What this is.\n")
    assert write(written, experiment) == [
        f"{written}: {before + 1} files listed",
        "made by no job that left a record: README.md (1)",
        "left out: again: a link to a folder that it lies in",
        "left out: other: other results",
        "left out: reference: other results",
    ]
    elsewhere = written.parent / "disk"
    (written / "raw").rename(elsewhere)
    (written / "raw").symlink_to(elsewhere)  # a folder on another disk is looked into
    assert "raw/tiny/metadata.csv" in files_of(written)[0]


def test_a_folder_that_contradicts_its_records_is_not_vouched_for(results, experiment):
    (results / "metrics.csv").write_text("value\n0.6\n")
    with pytest.raises(
        ArtifactError, match=r"metrics.csv is not as job metrics wrote it \(and 1 more like it\)"
    ):
        write(results, experiment)
    assert not (results / MANIFEST).exists()


def test_a_table_made_from_another_file_is_named(results, experiment, job):
    job(results, "metrics", outputs={"metrics.csv": "value\n0.7\n"})
    with pytest.raises(
        ArtifactError, match=r"table2.csv was made from another metrics.csv than the one that is"
    ):
        write(results, experiment)
    (results / "metrics.csv").unlink()  # what is gone contradicts nothing
    write(results, experiment)
    assert graph(results)["#table2"]["object"][0]["@id"].startswith("#path-metrics.csv-")


def test_what_cannot_be_vouched_for(results, experiment, tmp_path):
    (results / "pipe").symlink_to(results / "nothing")
    with pytest.raises(ArtifactError, match="pipe: neither a file nor a folder"):
        write(results, experiment)
    (results / "pipe").unlink()
    overwrite(results / "provenance" / "table2.json", "{}")
    with pytest.raises(ArtifactError, match="not the record of a job"):
        write(results, experiment)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="no job left a record there"):
        write(tmp_path / "empty", experiment)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"@graph": [{"@id": "./", "name": "x"}]}'])
def test_a_damaged_manifest_is_named(written, text):
    overwrite(written / MANIFEST, text)
    with pytest.raises(ArtifactError, match=f"{MANIFEST}: damaged"):
        load(written)
    (written / MANIFEST).unlink()
    with pytest.raises(ArtifactError, match="write it with `make provenance`"):
        load(written)


class TestKept:
    """A few files, copied out under names of their own, as results/reference does."""

    @pytest.fixture
    def target(self, written, tmp_path):
        folder = tmp_path / "reference"
        folder.mkdir()
        shutil.copy(written / "table2.csv", folder)
        shutil.copy(written / "runs/few/r_super/seed-3/run.json", folder / "run_few.json")
        shutil.copy(written / "runs/few/r_super/seed-3/weights.pt", folder)
        (folder / "README.md").write_text("What this is.\n")
        return folder

    def test_they_are_known_by_their_content(self, written, target):
        assert keep(written, target) == ["README.md"]
        findings = verify(target)
        assert findings.problems == {}
        assert (findings.files, "made by no job: README.md" in findings.notes) == (4, True)
        manifest = load(target)
        assert set(manifest.listing) == {"table2.csv", "run_few.json", "weights.pt", "README.md"}
        assert maker_of("run_few.json", manifest.records) == "fit/few/r_super/seed-3"
        assert maker_of("weights.pt", manifest.records) == "fit/few/r_super/seed-3"
        assert graph(target)["run_few.json"]["alternateName"] == "runs/few/r_super/seed-3/run.json"
        assert manifest.experiment == load(written).experiment

    def test_what_is_not_kept_stays_in_the_history_by_its_hash(self, written, target):
        keep(written, target)
        entities = graph(target)
        (read,) = [
            entities[item["@id"]] for item in entities["#table2"]["object"] if "metrics" in item["@id"]
        ]
        assert read["@type"] == "CreativeWork"
        assert read["sha256"] == sha256_of(written / "metrics.csv")
        assert upstream_of(["table2"], load(target).records)[-1] == "phantom/tiny"

    def test_another_file_under_a_name_of_the_results_is_refused(self, written, target):
        (target / "table2.csv").write_text("auc\n0.9\n")
        with pytest.raises(ArtifactError, match=r"table2.csv: not the table2.csv of"):
            keep(written, target)
