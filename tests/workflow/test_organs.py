"""CTs without organ masks go through the workflow: a command of the site's makes them."""

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml

from rsuper.data.store import open_store
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("organs")]

ORGANS = ("pancreas", "kidney_left", "kidney_right")
OWN = "R3"  # has masks of its own
TUMORS = {"pancreas_tumor": "pancreatic_lesion", "kidney_tumor": "kidney_lesion"}
Cases = Mapping[str, tuple[str, tuple[str, ...], str]]


def write_site(folder: Path, cases: Cases) -> None:
    """Make a table of cases in the AbdomenAtlas layout; it names the organ masks of one case alone."""
    rows = []
    for case, (role, _, report) in cases.items():
        row = {"case_id": case, "patient_id": case, "role": role, "report": report}
        row["ct"] = f"{case}/ct.nii.gz"
        files = {**TUMORS, **({name: name for name in ORGANS} if case == OWN else {})}
        for column, name in files.items():
            file = f"{case}/segmentations/{name}.nii.gz"
            row[column] = file if (folder / file).is_file() else ""
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)


def write_experiment(project: Project, folder: Path, *more: str) -> None:
    content = yaml.safe_load((ROOT / "config" / "micro.yaml").read_text(encoding="utf-8"))
    dataset = {"source": "table", "root": str(folder), "segment_organs": True}
    command = [sys.executable, str(folder / "stand in.py"), "{ct}", "{folder}", *more]
    content |= {"name": "site", "datasets": {"site": dataset}, "organ_segmenter": {"command": command}}
    (project.root / "site.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_from_cts_without_organ_masks_to_the_store(
    tmp_path: Path,
    tiny_cases: Cases,
    write_dataset: Callable[[Path, Cases], None],
    boxes: Mapping[str, object],
) -> None:
    (tmp_path / "project").mkdir()
    project, folder = copy_project(tmp_path / "project"), tmp_path / "a site"
    cases = {case: tiny_cases[case] for case in ("M1", "R1", OWN, "T2")}
    write_dataset(folder, cases)
    write_site(folder, cases)
    shutil.copy2(ROOT / "tests" / "data" / "stand_in_segmenter.py", folder / "stand in.py")
    write_experiment(project, folder)
    target = "results/site/data/site/volumes.csv"
    project.run(target, config="site.yaml")

    data = project.root / "results" / "site" / "data" / "site"
    organs, cohort = (
        pd.read_csv(data / name, keep_default_na=False, dtype=str).set_index("case_id")
        for name in ("organs.csv", "cohort.csv")
    )
    assert organs["state"].to_dict() == {
        "site_M1": "made",
        "site_R1": "made",
        f"site_{OWN}": "had masks",
        "site_T2": "made",
    }
    assert len((folder / "calls.txt").read_text(encoding="utf-8").splitlines()) == 3
    assert (cohort["reason"] == "").all()
    assert (cohort["organs"] == " ".join(ORGANS)).all()
    assert cohort["annotated"].to_dict()["site_M1"] == "pancreas kidney"
    assert cohort.loc["site_R1", "state_pancreas"] == "positive_sized"
    stored = open_store(data / "volumes.csv")
    assert list(stored) == list(cohort.index)
    for case in (OWN, "T2"):  # without a tumor, which the stand-in would not take for organ
        assert stored[f"site_{case}"].index.boxes == {name: boxes[name] for name in ORGANS}
    log = (project.root / "results" / "site" / "logs" / "organs" / "site.log").read_text(encoding="utf-8")
    assert "organs: 4/4 cases (100%)" in log

    assert "Nothing to be done" in project.run(target, config="site.yaml")
    write_experiment(project, folder, "again")
    assert {"organs", "cohort", "preprocess"} <= set(project.planned(target, config="site.yaml"))


def test_nothing_else_needs_it(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    assert "organs" not in project.planned("all")
