"""The workflow as others use it: imported as a module, found by the catalog, its package as a wheel."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from examples import monai_report_losses
from rsuper.artifacts import read_json
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

EXAMPLE = ROOT / "examples" / "importing_workflow"
SNAKEFILES = ("Snakefile", "workflow", "examples/importing_workflow/Snakefile")


def called(*words: str, folder: Path, checkout: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def importing(folder: Path, checkout: Path) -> Path:
    """Put the example into a folder of its own, far from the checkout that it imports."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    path = folder / "experiment.yaml"
    text = path.read_text(encoding="utf-8").replace("../../config", str(checkout / "config"))
    path.write_text(text, encoding="utf-8")
    return folder


def snakemake(folder: Path, checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    config = ("--config", f"rsuper_bench={checkout / 'Snakefile'}")
    return called("snakemake", "--cores", "2", *words, *config, folder=folder, checkout=checkout)


def test_a_workflow_that_imports_this_one_runs_to_its_end(finished: Project, tmp_path: Path) -> None:
    folder = importing(tmp_path / "site", finished.root)
    before = sorted(path for path in finished.root.rglob("*") if path.suffix != ".pyc")
    done = snakemake(folder, finished.root)
    assert done.returncode == 0, done.stdout[-6000:]
    table = pd.read_csv(folder / "results" / "own_site" / "table2.csv").query("status == 'run'")
    assert {"segmentation", "r_super"} <= set(table["method"])
    assert (folder / "results" / "best.txt").read_text().strip() in set(table["label"])
    # Results, records and logs lie in the importer's folder, and nothing is written into the checkout.
    after = sorted(path for path in finished.root.rglob("*") if path.suffix != ".pyc")
    assert after == before
    record = read_json(folder / "results" / "own_site" / "runs" / "full" / "r_super" / "seed-0" / "run.json")
    assert record["experiment"] == "own_site"
    again = snakemake(folder, finished.root, "--dry-run")
    assert "Nothing to be done" in again.stdout, again.stdout[-3000:]


def test_other_targets_are_there_too(tmp_path: Path) -> None:
    folder = importing(tmp_path, ROOT)
    done = snakemake(folder, ROOT, "--dry-run", "figures", "audit")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "results/own_site/figures/figure4.svg" in done.stdout


@pytest.mark.parametrize(
    "line", ['prefix:\n        "sub"', 'replace_prefix:\n        {"results/": "other/"}']
)
def test_a_prefix_is_refused(line: str, tmp_path: Path) -> None:
    folder = importing(tmp_path, ROOT)
    path = folder / "Snakefile"
    path.write_text(path.read_text().replace("    config:\n", f"    {line}\n    config:\n"))
    done = snakemake(folder, ROOT, "--dry-run")
    assert done.returncode != 0
    assert "imported with a prefix: leave it out" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_catalogs_entry_is_the_same_workflow(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    words = ("--cores", "1", "--dry-run", "--config", "experiment=config/micro.yaml", "--", "table2")
    plain, thin = (
        called("snakemake", *snakefile, *words, folder=project.root, checkout=project.root)
        for snakefile in ((), ("--snakefile", "workflow/Snakefile"))
    )
    assert plain.returncode == thin.returncode == 0, thin.stdout[-3000:]
    jobs = [re.findall(r"^(?:local)?rule (\w+):$", done.stdout, re.MULTILINE) for done in (plain, thin)]
    assert sorted(jobs[0]) == sorted(jobs[1])
    assert "table2" in jobs[1]


def test_the_catalogs_file_says_what_is_so() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    (named,) = re.findall(r"experiment=(\S+)", usage["mandatory-flags"]["flags"])
    assert (ROOT / named).is_file()
    assert (ROOT / "config" / "README.md").is_file()


def test_snakefiles_are_formatted_and_the_importing_one_is_clean(tmp_path: Path) -> None:
    done = called("snakefmt", "--check", *SNAKEFILES, folder=ROOT)
    assert done.returncode == 0, done.stdout
    assert f"SNAKEFILES := {' '.join(SNAKEFILES)}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    done = called("snakemake", "--snakefile", "workflow/Snakefile", "--lint", folder=ROOT)
    assert done.returncode == 0, done.stdout


def test_monai_transforms_and_network_train_on_phantoms(finished: Project) -> None:
    raw = finished.results / "raw"
    steps = list(monai_report_losses.train(raw / "phantom_masks", raw / "phantom_reports", 2))
    assert [set(losses) for losses in steps] == [{"masks", "volume", "ball"}] * 2
    assert all(0 < value < 10 for losses in steps for value in losses.values())
    assert steps[0] != steps[1]


IN_THE_WHEEL = """
import importlib, pkgutil, sys
from importlib import resources

import rsuper
from rsuper.errors import MethodError
from rsuper.methods import available

assert rsuper.__file__.startswith(sys.prefix), rsuper.__file__
for module in pkgutil.walk_packages(rsuper.__path__, "rsuper."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert round(rsuper.tumor_volume_mm3([21.0, 18.0])) == 3859
assert len(list(resources.files("rsuper.publish").joinpath("paper").iterdir())) > 2
try:
    available()
except MethodError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project, built of a copy: a build leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rsuper", folder / "rsuper", ignore=ignored)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    done = called("pip", "wheel", *options, "--wheel-dir", "dist", ".", folder=folder)
    assert done.returncode == 0, done.stdout[-3000:]
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "rsuper").rglob("*") if path.is_file())
    assert held == {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}


def test_the_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    # A checkout with an editable install, seen by the path of this process, would count as installed already.
    options = ("--quiet", "--no-deps", "--no-index", "--ignore-installed")
    done = called("pip", "--python", str(python), "install", *options, str(wheel), folder=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    # What it depends on comes from the environment of the tests, which does not hold the package itself.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if "site-packages" in p)}
    ran = subprocess.run(
        [python, "-c", IN_THE_WHEEL],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "experiments run in a checkout" in ran.stdout
