import json
import shutil
from collections import Counter

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rsuper.config.phantom import CaseGroup, HospitalSpec, PhantomSpec
from rsuper.data.phantom.anatomy import SEGMENTS
from rsuper.data.phantom.case import make_case
from rsuper.data.phantom.dataset import case_facts, plan_cases, write_dataset, write_nifti
from rsuper.data.sources.abdomenatlas import raw_cases
from rsuper.errors import ArtifactError, ConfigError, DamagedError
from rsuper.files import seal_dataset

GROUPS = (
    CaseGroup(role="mask_train", pancreas=1, normal=1),
    CaseGroup(role="report_train", pancreas=1, kidney=1, both=2, normal=2),
    CaseGroup(role="test_internal", kidney=1, normal=1),
)
SPEC = PhantomSpec(
    hospitals={
        "here": HospitalSpec(hospital_id=4, cases=GROUPS, organ_masks="segmenter"),
        "there": HospitalSpec(hospital_id=5, cases=GROUPS, orientation="LPS"),
    }
)
ORGANS = {"pancreas", "kidney_left", "kidney_right", *SEGMENTS}
LESIONS = {"pancreatic_lesion", "kidney_lesion"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("phantom") / "nested" / "here"
    write_dataset(path, "here", SPEC, 7)
    return path


@pytest.fixture(scope="module")
def tables(root):
    return {p.stem: pd.read_csv(p, keep_default_na=False) for p in root.glob("*.csv")}


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_layout_and_roles(root, tables):
    folders = sorted(p.name for p in root.iterdir() if p.is_dir())
    assert folders == [f"BDMAP_{n:08d}" for n in range(1, 11)]
    assert tables["metadata"]["case_id"].tolist() == folders
    assert Counter(tables["metadata"]["role"]) == {"mask_train": 2, "report_train": 6, "test_internal": 2}
    assert tables["metadata"]["patient_id"].is_unique
    for case_id, role in tables["metadata"][["case_id", "role"]].itertuples(index=False):
        names = {p.name.removesuffix(".nii.gz") for p in (root / case_id / "segmentations").iterdir()}
        assert names == (ORGANS if role == "report_train" else ORGANS | LESIONS)


def test_reports_and_statements_are_there_for_all_but_mask_train(root, tables):
    roles = tables["metadata"].set_index("case_id")["role"]
    expected = [case for case, role in roles.items() if role != "mask_train"]
    assert tables["reports"]["case_id"].tolist() == expected
    assert (tables["reports"]["report"].str.len() > 50).all()
    stated = [json.loads(line) for line in (root / "stated.jsonl").read_text().splitlines()]
    assert [row["case_id"] for row in stated] == expected
    tumors = tables["truth"].groupby("case_id")["target"].apply(set).to_dict()
    for row in stated:
        assert {finding["organ"] for finding in row["findings"]} == tumors.get(row["case_id"], set())


def test_kinds_are_as_many_as_asked(tables):
    targets = tables["truth"].groupby("case_id")["target"].apply(lambda t: "+".join(sorted(set(t))))
    metadata = tables["metadata"].assign(kind=tables["metadata"]["case_id"].map(targets).fillna("normal"))
    counts = metadata.groupby(["role", "kind"]).size().to_dict()
    assert counts == {
        ("mask_train", "pancreas"): 1,
        ("mask_train", "normal"): 1,
        ("report_train", "pancreas"): 1,
        ("report_train", "kidney"): 1,
        ("report_train", "kidney+pancreas"): 2,
        ("report_train", "normal"): 2,
        ("test_internal", "kidney"): 1,
        ("test_internal", "normal"): 1,
    }


def test_lesion_files_hold_the_tumors_of_the_truth(root, tables):
    roles = tables["metadata"].set_index("case_id")["role"]
    volume = tables["truth"].groupby(["case_id", "target"])["volume_mm3"].sum()
    for case_id in roles[roles != "report_train"].index:
        for target, name in (("pancreas", "pancreatic_lesion"), ("kidney", "kidney_lesion")):
            mask = nib.load(root / case_id / "segmentations" / f"{name}.nii.gz").get_fdata()
            assert mask.sum() * 64 == volume.get((case_id, target), 0)


def test_files_are_on_one_grid_with_integer_values(root):
    folder = root / "BDMAP_00000001"
    ct = nib.load(folder / "ct.nii.gz")
    assert ct.get_data_dtype() == np.int16
    assert ct.shape == (56, 40, 40)
    assert nib.aff2axcodes(ct.affine) == ("R", "A", "S")
    assert ct.header.get_zooms() == (4, 4, 4)
    assert ct.header.get_xyzt_units()[0] == "mm"
    for path in (folder / "segmentations").iterdir():
        mask = nib.load(path)
        np.testing.assert_array_equal(mask.affine, ct.affine)
        assert set(np.unique(mask.dataobj)) <= {0, 1}


def test_same_seed_same_bytes_other_seed_other_cases(root, tmp_path):
    write_dataset(tmp_path / "again", "here", SPEC, 7)
    write_dataset(tmp_path / "other", "here", SPEC, 8)
    assert contents(tmp_path / "again") == contents(root)
    ct = "BDMAP_00000001/ct.nii.gz"
    assert contents(tmp_path / "other")[ct] != contents(root)[ct]


def test_stored_orientation_turns_back_by_affine(tmp_path):
    write_dataset(tmp_path / "there", "there", SPEC, 7)
    number, _, kind = plan_cases(SPEC.hospitals["there"], 7)[0]
    case = make_case(SPEC, SPEC.hospitals["there"], kind, (7, 5, number))
    folder = tmp_path / "there" / f"BDMAP_{number:08d}"
    stored = nib.load(folder / "ct.nii.gz")
    assert nib.aff2axcodes(stored.affine) == ("L", "P", "S")
    assert not np.array_equal(np.asarray(stored.dataobj), case.ct)
    back = nib.as_closest_canonical(stored)
    np.testing.assert_array_equal(np.asarray(back.dataobj), case.ct)
    right = nib.as_closest_canonical(nib.load(folder / "segmentations" / "kidney_right.nii.gz"))
    left = nib.as_closest_canonical(nib.load(folder / "segmentations" / "kidney_left.nii.gz"))
    middle = [
        np.argwhere(np.asarray(k.dataobj)).mean(0) @ k.affine[:3, :3] + k.affine[:3, 3] for k in (right, left)
    ]
    assert middle[0][0] > 0 > middle[1][0]


@pytest.mark.parametrize("code", ["RAS", "LPS", "IPL", "SAR"])
def test_every_orientation_keeps_each_voxel_in_its_place(tmp_path, code):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-5, 7, 11)
    path = tmp_path / "a.nii.gz"
    write_nifti(path, array, affine, code)
    image = nib.load(path)
    assert "".join(nib.aff2axcodes(image.affine)) == code
    back = nib.as_closest_canonical(image)
    np.testing.assert_array_equal(np.asarray(back.dataobj), array)
    np.testing.assert_allclose(back.affine, affine)


def test_cases_do_not_depend_on_each_other(root, tmp_path):
    """A data set cut after its first group holds the same first cases."""
    short = SPEC.hospitals["here"].model_copy(update={"cases": GROUPS[:1]})
    write_dataset(tmp_path / "short", "here", SPEC.model_copy(update={"hospitals": {"here": short}}), 7)
    whole = contents(root)
    cases = {name: data for name, data in contents(tmp_path / "short").items() if name.startswith("BDMAP")}
    assert cases == {name: whole[name] for name in cases}


def test_plan_mixes_kinds_within_a_group():
    hospital = HospitalSpec(hospital_id=1, cases=(CaseGroup(role="x", pancreas=20, normal=20),))
    plan = plan_cases(hospital, 0)
    assert [number for number, _, _ in plan] == list(range(1, 41))
    first = Counter(kind for _, _, kind in plan[:20])
    assert 4 < first["pancreas"] < 16
    assert plan == plan_cases(hospital, 0)
    assert plan != plan_cases(hospital, 1)


def test_facts_leave_out_a_cyst_hidden_by_a_tumor():
    hospital = SPEC.hospitals["here"]
    hidden = shown = 0
    for i in range(30):
        case = make_case(SPEC, hospital, "both", (9, 4, i))
        cysts = [d for d in case.distractors if d.kind == "cyst"]
        facts = case_facts("a", case)
        assert len(facts.tumors) == len(case.tumors)
        assert facts.dilated_duct == any(d.kind == "dilated_duct" for d in case.distractors)
        hidden += len(cysts) - len(facts.cysts)
        shown += len(facts.cysts)
        free = case_facts("a", make_case(SPEC, hospital, "normal", (9, 4, i)))
        assert len(free.cysts) == len(cysts)
    assert 0 < hidden < shown


def test_existing_folder_is_kept_unless_empty(root, tmp_path):
    with pytest.raises(ArtifactError, match="exists already"):
        write_dataset(root, "here", SPEC, 7)
    (tmp_path / "empty").mkdir()
    small = SPEC.hospitals["here"].model_copy(update={"cases": (CaseGroup(role="mask_train", normal=1),)})
    write_dataset(tmp_path / "empty", "here", SPEC.model_copy(update={"hospitals": {"here": small}}), 7)
    assert (tmp_path / "empty" / "metadata.csv").exists()


def test_leftovers_of_a_killed_run_do_not_matter(tmp_path):
    rest = tmp_path / ".here.unfinished" / "BDMAP_00000099"
    rest.mkdir(parents=True)
    small = SPEC.hospitals["here"].model_copy(update={"cases": (CaseGroup(role="mask_train", normal=1),)})
    write_dataset(tmp_path / "here", "here", SPEC.model_copy(update={"hospitals": {"here": small}}), 7)
    assert not (tmp_path / "here" / rest.name).exists()
    assert [p.name for p in tmp_path.iterdir()] == ["here"]


def test_unknown_hospital_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no hospital 'nowhere'"):
        write_dataset(tmp_path / "x", "nowhere", SPEC, 0)


def test_a_lost_mask_is_no_mask_that_was_never_drawn(tmp_path, root):
    shutil.copytree(root, tmp_path / "here")
    seal_dataset(tmp_path / "here")  # as the rule does
    metadata = tmp_path / "here" / "metadata.csv"
    assert len(list(raw_cases(tmp_path / "here", "here", "metadata.csv"))) == 10
    lost = tmp_path / "here" / "BDMAP_00000001" / "segmentations" / "kidney_lesion.nii.gz"
    lost.unlink()
    with pytest.raises(DamagedError, match=rf"kidney_lesion\.nii\.gz: no such file; .*rm -f {metadata} "):
        list(raw_cases(tmp_path / "here", "here", "metadata.csv"))
