"""A site's own table of paths, with label maps, goes through the workflow like any data set."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from rsuper.data.store import open_store
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]

LABELS = {"pancreas": 1, "pancreas_head": 2, "pancreas_body": 3, "pancreas_tail": 4}
LABELS |= {"kidney_left": 5, "kidney_right": 5}  # one label for both
COLUMNS = {
    "pancreas": "1+2+3+4",
    "pancreas_head": "2",
    "pancreas_body": "3",
    "pancreas_tail": "4",
    "kidneys": "5",
}
TUMORS = {"pancreas_tumor": "pancreatic_lesion", "kidney_tumor": "kidney_lesion"}


def write_site(raw: Path, folder: Path) -> None:
    """Turn a hospital's folder into a table, a label map per case and a text file per report."""
    shutil.copytree(raw, folder)
    reports = pd.read_csv(folder / "reports.csv", dtype=str).set_index("case_id")["report"]
    rows = []
    for row in pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False).to_dict("records"):
        case = folder / row["case_id"]
        image = nib.load(case / "ct.nii.gz")
        labels = np.zeros(image.shape, np.uint16)
        for name, label in LABELS.items():
            labels[np.asarray(nib.load(case / "segmentations" / f"{name}.nii.gz").dataobj) > 0] = label
        nib.save(nib.Nifti1Image(labels, image.affine), case / "labels.nii.gz")
        (case / "report.txt").write_text(reports[row["case_id"]], encoding="utf-8")
        row |= {"ct": f"{case.name}/ct.nii.gz", "report_file": f"{case.name}/report.txt"}
        row |= {name: f"{case.name}/labels.nii.gz#{values}" for name, values in COLUMNS.items()}
        for column, name in TUMORS.items():
            there = (case / "segmentations" / f"{name}.nii.gz").is_file()
            row[column] = f"{case.name}/segmentations/{name}.nii.gz" if there else ""
        rows.append(row)
    rows[0]["ct"] = "lost.nii.gz"
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    for name in ("metadata.csv", "reports.csv"):
        (folder / name).unlink()


def test_from_a_table_to_the_store(finished: Project, tmp_path: Path) -> None:
    project, folder = copy_project(tmp_path), tmp_path / "site"
    write_site(finished.results / "raw" / "phantom_reports", folder)
    content = yaml.safe_load((ROOT / "config" / "micro.yaml").read_text(encoding="utf-8"))
    dataset = {"source": "table", "root": str(folder), "shards": 3}
    content |= {"name": "site", "datasets": {"phantom_reports": dataset}}
    (project.root / "site.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    data = project.root / "results" / "site" / "data" / "phantom_reports"
    project.run("results/site/data/phantom_reports/volumes.csv", config="site.yaml")

    usual = finished.results / "data" / "phantom_reports"
    cohort, expected = (
        pd.read_csv(place / "cohort.csv", keep_default_na=False, dtype=str).set_index("case_id")
        for place in (data, usual)
    )
    lost, others = cohort.index[0], list(cohort.index[1:])
    assert cohort.loc[lost, "reason"].endswith("lost.nii.gz: no such file")
    columns = ["patient_id", "role", "annotated", "has_report", "shape", "spacing_mm", "reason"]
    columns += [name for name in cohort.columns if name.startswith("state_")]
    pd.testing.assert_frame_equal(cohort.loc[others, columns], expected.loc[others, columns])
    assert (data / "findings.jsonl").read_bytes() == (usual / "findings.jsonl").read_bytes()
    ours, theirs = open_store(data / "volumes.csv"), open_store(usual / "volumes.csv")
    assert list(ours) == others
    for case in others:
        whole = (0, 0, 0), theirs[case].index.shape
        np.testing.assert_array_equal(ours[case].organs(*whole), theirs[case].organs(*whole))
        np.testing.assert_array_equal(ours[case].ct(*whole), theirs[case].ct(*whole))

    again = project.run("results/site/data/phantom_reports/volumes.csv", config="site.yaml")
    assert "Nothing to be done" in again

    dataset["shards"] = 2  # other jobs for the voxels; nothing is listed anew
    (project.root / "site.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    jobs = project.planned("results/site/data/phantom_reports/volumes.csv", config="site.yaml")
    assert {rule: len(outputs) for rule, outputs in jobs.items()} == {"preprocess_shard": 2, "preprocess": 1}
