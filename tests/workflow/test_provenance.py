"""The micro experiment's manifest: what made every table, and what `make verify` says of a changed folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rsuper.config.load import load_experiment
from rsuper.provenance.answer import answer, in_words
from rsuper.provenance.listing import MANIFEST, TABLE, is_seal, read_listing
from rsuper.provenance.manifest import load, maker_of
from rsuper.provenance.verify import verify
from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]


@pytest.fixture(scope="module")
def listed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results with their manifest, copied to another place."""
    text = finished.run("provenance")
    assert "rule provenance:" in text
    return Path(shutil.copytree(finished.results, tmp_path_factory.mktemp("elsewhere") / "copy"))


def ask(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask by a command of the copy, whose code made the results."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_copy_matches_its_manifest_settings_and_code(finished: Project, listed: Path) -> None:
    done = ask(finished, "rsuper.provenance.verify", str(listed), "--config", "config/micro.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{listed} matches its manifest (")


def test_every_file_is_listed_and_every_output_has_its_job(listed: Path) -> None:
    manifest = load(listed)
    files = {path.relative_to(listed).as_posix() for path in listed.rglob("*") if path.is_file()}
    own = {MANIFEST, TABLE, "provenance/provenance.json", "logs/provenance.log"}
    own |= {str(Path(name).with_name(f".{Path(name).name}.sha256")) for name in own}
    assert {name for name in files - own if not name.endswith(".lock")} == set(manifest.listing)
    beside = ("logs/", "benchmarks/", "provenance/")
    unknown = [path for path in manifest.listing if not maker_of(path, manifest.records)]
    assert [path for path in unknown if not path.startswith(beside) and not is_seal(path)] == []
    rules = {record["rule"] for record in manifest.records.values()}
    assert {"phantom", "findings", "cohort", "preprocess", "fit", "predict", "cases", "metrics"} <= rules


def test_volumes_are_not_hashed_twice(listed: Path) -> None:
    listing = read_listing(listed / TABLE)
    stored = {path for path in listing if path.endswith(".b2nd")}
    assert stored
    assert {path for path, entry in listing.items() if entry.hashed == "when written"} == stored


def test_a_table_and_a_figure_answer_what_made_them(finished: Project, listed: Path) -> None:
    found = answer(listed / "table2.csv")
    assert set(found["job"]["settings"]["cards"]["r_super"]) >= {"version", "label", "deviations"}
    assert found["job"]["settings"]["shown"]["evaluation"]["bootstrap_draws"] == 50
    runs = {name: job["run"] for name, job in found["from"].items() if "run" in job}
    assert {"fit/full/r_super/seed-0", "fit/full/segmentation-stage1/seed-0"} <= set(runs)
    volumes = {run["volumes_sha256"] for run in runs.values()}
    assert len(volumes) == 1
    assert {run["deterministic"] for run in runs.values()} == {True}
    assert "from\n" in in_words(answer(listed / "figures" / "overlays.png"))
    done = ask(finished, "rsuper.provenance", str(listed / "table2.csv"))
    assert done.stdout.startswith("table2.csv (sha256 "), done.stderr


def test_the_standards_own_library_reads_it(listed: Path) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(listed)
    made = {entity.id for entity in crate.get_by_type("CreateAction")}
    assert {"#table2", "#fit/full/r_super/seed-0", "#provenance"} <= made
    assert all((listed / entity.id).exists() for entity in crate.data_entities)


def test_nothing_of_the_machine_is_told(finished: Project, listed: Path) -> None:
    text = (listed / MANIFEST).read_text(encoding="utf-8")
    assert str(finished.root) not in text
    assert str(Path.home()) + "/" not in text


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "name",
    [
        "table2.csv",
        "figures/roc.png",
        "runs/full/r_super/seed-0/model/weights.pt",
        "data/*/volumes/*1.ct.b2nd",
    ],
)
def test_one_flipped_byte_is_named(listed: Path, name: str) -> None:
    path = next(listed.glob(name))
    before = path.read_bytes()
    flipped(path)
    try:
        problems = verify(listed).problems
    finally:
        path.write_bytes(before)
    assert set(problems) == {"changed"}
    assert problems["changed"][0].startswith(f"{path.relative_to(listed)} (sha256 ")


def test_a_deleted_and_an_added_file_are_named(listed: Path) -> None:
    gone, new = listed / "metrics.csv", listed / "runs" / "more.csv"
    before = gone.read_bytes()
    gone.unlink()
    new.write_text("x", encoding="utf-8")
    try:
        assert verify(listed).problems == {"extra": ["runs/more.csv"], "missing": ["metrics.csv"]}
    finally:
        gone.write_bytes(before)
        new.unlink()


def test_an_edited_config_is_named(finished: Project, listed: Path, tmp_path: Path) -> None:
    text = (finished.root / "config" / "micro.yaml").read_text(encoding="utf-8")
    edited = tmp_path / "micro.yaml"
    edited.write_text(text.replace("bootstrap_draws: 50", "bootstrap_draws: 60"), encoding="utf-8")
    problems = verify(listed, load_experiment(edited)).problems["of another config"]
    assert problems == ["evaluation.bootstrap_draws was 50, is 60"]


def test_edited_code_is_named_with_what_it_made(finished: Project, listed: Path) -> None:
    path = finished.root / "rsuper" / "losses" / "geometry.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("(0.75 *", "(0.7500001 *"), encoding="utf-8")
    try:
        done = ask(
            finished, "rsuper.provenance.verify", str(listed), "--config", "config/micro.yaml", "--all"
        )
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    named = [line for line in done.stderr.splitlines() if line.startswith("  of other code: ")]
    assert [line.removeprefix("  of other code: ").partition(" is another now")[0] for line in named] == [
        "figures/case_panels.jsonl: rule case_panels",  # draws the reported ball, as overlay_balls
        "runs/full/r_super/seed-0/run.json: method r_super",
        "figures/overlay_balls.csv: rule overlay_balls",
    ]


def test_a_second_manifest_says_what_came_since(finished: Project) -> None:
    later = finished.results / "later"
    later.mkdir()
    (later / "more.csv").write_text("check\n", encoding="utf-8")
    try:
        finished.run("provenance")
        assert "later/more.csv" in read_listing(finished.results / TABLE)
    finally:
        shutil.rmtree(later)
