"""Preprocessing in shards: the same store as in one go, and nothing done twice after a kill."""

import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import blosc2
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import read_table, write_table
from rsuper.config.experiment import Preprocess
from rsuper.data import preprocess, shards
from rsuper.data.cohort import cohort_frame
from rsuper.data.shards import Storing, gathered, preprocess_cohort, shard_of, store_shard
from rsuper.data.sources.abdomenatlas import raw_cases
from rsuper.data.store import open_store, open_withheld
from rsuper.errors import DataError
from rsuper.schemas import VOLUMES

SETTINGS = Preprocess(spacing_mm=(5.0, 4.0, 3.0), clip_hu=(-40.0, 200.0))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, write_dataset, tiny_cases) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("sharded") / "raw"
    write_dataset(root, tiny_cases)
    return cohort_frame(list(raw_cases(root, "tiny", "metadata.csv")), {}, "mask_train")


@pytest.fixture(scope="module")
def at_once(cohort, tmp_path_factory) -> Path:
    return finished(cohort, tmp_path_factory.mktemp("once"))


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """Cases that are stored, in order."""
    stored = []

    def counted(row, *rest):
        stored.append(row["case_id"])
        return preprocess.store_case(row, *rest)

    monkeypatch.setattr(shards, "store_case", counted)
    return stored


def storing_in(folder: Path, **changes) -> Storing:
    return replace(Storing(SETTINGS, folder / "volumes", "mask_train"), **changes)


def finished(cohort, folder: Path) -> Path:
    frame = preprocess_cohort(cohort, SETTINGS, folder / "volumes", "mask_train")
    write_table(frame, folder / "volumes.csv", VOLUMES)
    return folder


def killed_at(monkeypatch, case_id: str, cohort, storing: Storing, notes: Path) -> None:
    """Run a job that dies while it stores a case, its arrays half written."""

    def dies(row, settings, folder, mask_role):
        if row["case_id"] == case_id:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{case_id}.ct.b2nd").write_bytes(b"half")
            raise KeyboardInterrupt
        return preprocess.store_case(row, settings, folder, mask_role)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "store_case", dies)
        with pytest.raises(KeyboardInterrupt):
            store_shard(cohort, storing, notes)


def same_stores(first: Path, second: Path) -> None:
    for name in ("volumes.csv", "volumes/index.jsonl", "withheld/index.jsonl"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    arrays = sorted(path.relative_to(first) for path in first.rglob("*.b2nd"))
    assert arrays == sorted(path.relative_to(second) for path in second.rglob("*.b2nd"))
    for path in arrays:
        ours, theirs = (blosc2.open(str(folder / path), mode="r")[:] for folder in (first, second))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("count", [1, 2, 4, 20])
def test_shards_make_the_store_that_one_job_makes(cohort, at_once, tmp_path, count):
    parts = [shard_of(cohort, number, count) for number in range(count)]
    assert sorted(case for part in parts for case in part["case_id"]) == sorted(cohort["case_id"])
    storing = storing_in(tmp_path)
    notes = [tmp_path / "shards" / f"{number}.jsonl" for number in range(count)]
    for part, path in reversed(list(zip(parts, notes, strict=True))):  # in any order
        store_shard(part, storing, path)
    write_table(gathered(cohort, storing, notes), tmp_path / "volumes.csv", VOLUMES)
    same_stores(tmp_path, at_once)


def test_a_killed_job_goes_on_behind_the_last_case(cohort, at_once, tmp_path, monkeypatch, calls):
    storing, notes = storing_in(tmp_path), tmp_path / "shards" / "0.jsonl"
    killed_at(monkeypatch, "tiny_R2", cohort, storing, notes)
    assert not notes.exists()
    with (tmp_path / "shards" / "0.jsonl.part").open("a") as part:
        part.write('{"key": "torn by the ki')
    store_shard(cohort, storing, notes)
    done = list(cohort["case_id"])
    assert calls == done[done.index("tiny_R2") :]
    write_table(gathered(cohort, storing, [notes]), tmp_path / "volumes.csv", VOLUMES)
    same_stores(tmp_path, at_once)
    left = sorted(path.name for path in (tmp_path / "shards").iterdir())
    assert left == [".0.jsonl.sha256", "0.jsonl", "0.jsonl.part"]


@pytest.mark.parametrize("what", ["settings", "role", "code", "mask", "array"])
def test_what_changed_after_a_kill_is_stored_again(cohort, tmp_path, monkeypatch, calls, what):
    storing, notes = storing_in(tmp_path), tmp_path / "shards" / "0.jsonl"
    killed_at(monkeypatch, "tiny_R2", cohort, storing, notes)
    first = cohort["case_id"].iloc[0]
    every = list(cohort["case_id"])
    again = [first, *every[every.index("tiny_R2") :]]
    if what == "settings":
        storing, again = replace(storing, settings=Preprocess(spacing_mm=(6.0, 6.0, 6.0))), every
    elif what == "role":
        storing, again = replace(storing, mask_role="test_internal"), every
    elif what == "code":
        storing, again = replace(storing, code="other"), every
    elif what == "mask":
        mask = Path(cohort["segmentations"].iloc[0]) / "pancreas.nii.gz"
        os.utime(mask, ns=(1, mask.stat().st_mtime_ns + 10**9))
    else:
        (tmp_path / "volumes" / f"{first}.organs.b2nd").unlink()
    store_shard(cohort, storing, notes)
    assert calls == again


def test_a_finished_job_stores_again_what_changed_or_was_lost_alone(cohort, tmp_path, calls):
    storing, notes = storing_in(tmp_path), tmp_path / "shards" / "0.jsonl"
    store_shard(cohort, storing, notes)
    assert calls == list(cohort["case_id"])
    (storing.folder / "tiny_M2.ct.b2nd").unlink()
    changed = cohort.copy()
    changed.loc[changed["case_id"] == "tiny_R3", "sha256"] = "of other masks"
    store_shard(changed, storing, notes)
    assert calls[len(cohort) :] == ["tiny_M2", "tiny_R3"]
    part = notes.with_name("0.jsonl.part")
    part.write_text(part.read_text().replace('"mean_hu": ', '"mean_hu": 1', 1))  # the first case's, flipped
    store_shard(changed, storing, notes)
    assert calls[len(cohort) + 2 :] == ["tiny_M1"]


def test_a_bad_case_keeps_its_reason_and_the_others_go_on(cohort, tmp_path):
    bad = cohort.copy()
    bad.loc[1, "ct"] = str(tmp_path / "none.nii.gz")
    bad.loc[2, "reason"] = "no organ mask"
    storing, notes = storing_in(tmp_path, strict=False), [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for number, path in enumerate(notes):
        store_shard(shard_of(bad, number, 2), storing, path)
    write_table(gathered(bad, storing, notes), tmp_path / "volumes.csv", VOLUMES)
    rows = read_table(tmp_path / "volumes.csv", VOLUMES)
    assert list(rows["case_id"]) == list(bad["case_id"])
    assert rows["reason"][1].endswith("none.nii.gz: no such file")
    assert rows["reason"][2] == "no organ mask"
    usable = set(bad["case_id"]) - {bad["case_id"][1], bad["case_id"][2]}
    assert set(open_store(tmp_path / "volumes.csv")) == usable
    assert set(open_withheld(tmp_path / "volumes.csv")) <= usable
    with pytest.raises(DataError, match=r"none\.nii\.gz: no such file"):
        store_shard(bad, storing_in(tmp_path), tmp_path / "c.jsonl")


def test_no_case_left_is_an_error_of_the_whole_cohort(cohort, tmp_path):
    bad = cohort.assign(ct=str(tmp_path / "none.nii.gz"))
    storing, notes = storing_in(tmp_path, strict=False), tmp_path / "0.jsonl"
    store_shard(bad, storing, notes)
    with pytest.raises(DataError, match=r"tiny_M1: .*none\.nii\.gz: no such file; tiny_M2"):
        gathered(bad, storing, [notes])


@pytest.mark.parametrize("stored", ["int16", "scaled", "float64"])
def test_memory_follows_one_volume_of_the_file(tmp_path, save_ct, stored):
    """Beside the CT (2 bytes per voxel; 4 where it is no int16) there are a mask of a byte and the result."""
    shape = (96, 96, 600)
    row = save_ct(tmp_path, shape, stored)
    voxels = int(np.prod(shape))
    tracemalloc.start()
    preprocess.store_case(row, Preprocess(spacing_mm=(2.0, 2.0, 2.0)), tmp_path / "volumes", "mask_train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    result = voxels / 8 * (2 + 1 + 1)
    slab = 96 * 96 * 34 * 24  # planes of the file that become 16, in double precision, three at a time
    assert peak < (2 if stored == "int16" else 4) * voxels + result + slab + 2**20


@pytest.fixture
def save_ct():
    """`save_ct(folder, shape, stored)`: a row of cohort.csv for a case of 1 mm voxels."""

    def save(folder: Path, shape, stored: str):
        ct = np.random.default_rng(0).integers(-100, 200, shape).astype(np.int16)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
        image = nib.Nifti1Image(ct.astype(np.float64) if stored == "float64" else ct, affine)
        if stored == "scaled":
            image.header.set_slope_inter(1.0, -50.0)
        nib.save(image, folder / "ct.nii.gz")
        mask = np.zeros(shape, dtype=np.uint8)
        mask[20:60, 20:60, 100:160] = 1
        names = ("pancreas", "pancreas_head", "kidney_left", "kidney_right", "pancreatic_lesion")
        for name in names:
            path = folder / "segmentations" / f"{name}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            nib.save(nib.Nifti1Image(mask, affine), path)
        return {
            "case_id": "a",
            "ct": str(folder / "ct.nii.gz"),
            "segmentations": str(folder / "segmentations"),
            "organs": " ".join(names[:-1]),
            "annotated": "pancreas",
            "role": "mask_train",
            "reason": "",
        }

    return save
