import json
import re
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rsuper.config.phantom import PhaseShares
from rsuper.config.real_anatomy import RealAnatomySpec, RealHospital
from rsuper.data.sources.abdomenatlas import raw_cases, read_reports
from rsuper.data.sources.real_anatomy.catalog import Entry, TumorEntry, catalog, real_data_folder
from rsuper.data.sources.real_anatomy.dataset import assign_roles, write_dataset
from rsuper.data.sources.real_anatomy.masks import read_crop, split_kidneys
from rsuper.data.sources.real_anatomy.render import coarse, coarse_affine, render_case, signed_distance
from rsuper.data.volumes import read_volume
from rsuper.errors import ArtifactError, ConfigError, DataError

DATASETS = ("real_masks", "real_reports", "real_external")
SEED = 2026
ORGANS = {"pancreas": {"pancreas"}, "kidney": {"kidney_left", "kidney_right"}}
LESIONS = {"pancreas": "pancreatic_lesion", "kidney": "kidney_lesion"}

# ------------------------------------------------------------------------------- without the real data

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def two_kidneys():
    """Two blocks of 15 x 15 x 15 voxels (27 ml), and a speck beside the second."""
    mask = np.zeros((50, 16, 16), bool)
    mask[:15, :15, :15] = mask[30:45, :15, :15] = True
    mask[48, 3, 3] = True
    return mask


def test_larger_x_is_right_and_a_speck_goes_to_the_nearer_kidney():
    kidneys = split_kidneys(two_kidneys(), AFFINE, "here")
    assert kidneys["kidney_left"].sum() == 15**3
    assert kidneys["kidney_right"].sum() == 15**3 + 1
    assert kidneys["kidney_right"][48, 3, 3]


@pytest.mark.parametrize(("x_mm", "side"), [(-140.0, "kidney_right"), (-300.0, "kidney_left")])
def test_a_single_kidney_is_told_by_its_place_in_the_scan(x_mm, side):
    mask = two_kidneys()
    mask[30:] = False
    affine = AFFINE.copy()
    affine[0, 3] = x_mm  # its center lies 7 voxels, 14 mm, further
    (name,) = split_kidneys(mask, affine, "here")
    assert name == side


def test_no_kidney_and_a_single_one_in_the_middle_are_refused():
    mask = two_kidneys()
    mask[:30] = False
    mask[31:] = False  # 15 x 15 voxels of 8 mm3: 1.8 ml
    with pytest.raises(DataError, match=r"here: no kidney of at least 20 ml"):
        split_kidneys(mask, AFFINE, "here")
    middle = AFFINE.copy()
    middle[0, 3] = -200.0
    mask[:15, :15, :15] = True
    with pytest.raises(DataError, match="neither clearly left nor right"):
        split_kidneys(mask, middle, "here")


def test_coarse_averages_blocks_and_completes_the_last():
    fine = np.zeros((3, 2, 2))
    fine[0, 0, 0] = 8
    fine[2] = 1
    # First block: 8 / 8 voxels = 1; second: four ones and four of fill 0 = 0.5.
    np.testing.assert_allclose(coarse(fine, 2)[:, 0, 0], [1.0, 0.5])
    # A block of 2 mm voxels at 10 and 12 mm has its middle at 11 mm.
    affine = AFFINE.copy()
    affine[0, 3] = 10.0
    np.testing.assert_allclose(coarse_affine(affine, 2) @ [0, 0, 0, 1], [11, 1, 1, 1])
    np.testing.assert_allclose(coarse_affine(affine, 2) @ [1, 0, 0, 1], [15, 1, 1, 1])


def test_signed_distance_of_a_slab():
    mask = np.zeros((24, 24, 24), bool)
    mask[8:16] = True  # from 16 to 32 mm
    blob = signed_distance(mask, 2, 8.0)
    assert blob.box[0] == slice(2, 10)
    # Centers of 4 mm blocks at 10, 14, 18, 22, 26, ... mm; the faces lie at 16 and 32 mm.
    np.testing.assert_allclose(blob.distance_mm[:, 3, 3], [6, 2, -2, -6, -6, -2, 2, 6])


def entries(n_kidney, n_pancreas):
    tumors = (TumorEntry(1, (10.0, 8.0, 8.0)),)
    return [
        Entry("kits19", f"case_{i}", f"KITS_{i}", "kidney", Path("m"), tumors) for i in range(n_kidney)
    ] + [Entry("panorama", str(i), f"PANORAMA_{i}", "pancreas", Path("m"), tumors) for i in range(n_pancreas)]


def test_roles_keep_their_shares_within_each_target():
    roles = assign_roles(entries(20, 10), {"a": 0.2, "b": 0.5, "c": 0.3}, 1)
    assert Counter(role for patient, role in roles.items() if "KITS" in patient) == {"a": 4, "b": 10, "c": 6}
    assert Counter(role for patient, role in roles.items() if "PANO" in patient) == {"a": 2, "b": 5, "c": 3}
    assert roles != assign_roles(entries(20, 10), {"a": 0.2, "b": 0.5, "c": 0.3}, 2)


def test_patients_with_several_cases_count_once():
    twice = [*entries(4, 0), *entries(4, 0)]
    assert len(assign_roles(twice, {"a": 0.5, "b": 0.5}, 0)) == 4


def test_absent_data_are_named_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("RSUPER_REAL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"{tmp_path}: no real masks here.*set RSUPER_REAL_DATA"):
        real_data_folder()


def test_a_missing_table_is_named(tmp_path):
    (tmp_path / "kits19_2mm").mkdir()
    (tmp_path / "kits19_2mm" / "kits_subset.json").write_text("[]")
    with pytest.raises(DataError, match=r"instances\.csv: no such file"):
        catalog(tmp_path)


def test_unknown_hospital_and_full_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no hospital 'nowhere'"):
        write_dataset(tmp_path / "x", "nowhere", tmp_path, RealAnatomySpec(), 0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(ArtifactError, match="exists already"):
        write_dataset(tmp_path / "full", "real_masks", tmp_path, RealAnatomySpec(), 0)


# ---------------------------------------------------------------------------------- with the real data


@pytest.fixture(scope="module")
def roots(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real_anatomy")
    for name in DATASETS:
        write_dataset(folder / name, name, real, RealAnatomySpec(), SEED)
    return {name: folder / name for name in DATASETS}


@pytest.fixture(scope="module")
def cases(roots):
    """All cases as the ordinary adapter reads them, with their target."""
    found = [case for name, root in roots.items() for case in raw_cases(root, name, "metadata.csv")]
    return [(case, "pancreas" if "PANORAMA" in case.source_id else "kidney") for case in found]


@pytest.mark.real
def test_sides_are_those_of_the_tables(real):
    kits19 = pd.read_csv(real / "kits19_2mm" / "cases.csv").set_index("case_id")["tumor_side"]
    table = pd.read_csv(real / "kits23_multitumor_2mm" / "instances.csv")
    kits23 = table.set_index(["case_id", "instance"])["tumor_side"]
    compared = 0
    for entry in catalog(real):
        if entry.target != "kidney" or entry.case_id == "case_00194":  # one kidney: its table tells no side
            continue
        for tumor, shown in zip(entry.tumors, read_crop(entry, 500.0).tumors, strict=True):
            side = (
                kits19[entry.case_id] if entry.source == "kits19" else kits23[entry.case_id, tumor.label - 10]
            )
            assert shown.organ == f"kidney_{side}", entry.case_id
            compared += 1
    assert compared == 78  # 35 of KiTS19 alone, 45 instances of KiTS23 less the two of case_00194


@pytest.mark.real
def test_catalog_takes_a_patient_of_both_kits_sets_from_one(real):
    found = catalog(real)
    # 40 cases of KiTS19 and 16 of KiTS23 share five patients.
    assert Counter(entry.source for entry in found) == {"kits19": 35, "kits23": 16, "panorama": 32}
    assert len({entry.patient_id for entry in found}) == len(found)


@pytest.mark.real
def test_one_role_per_patient_over_all_data_sets(cases):
    roles = {}
    for case, _ in cases:
        key = case.patient_id.partition("_KITS_")[2] or case.patient_id.partition("_PANORAMA_")[2]
        assert key
        roles.setdefault(key, set()).add((case.role, case.patient_id))
    assert all(len(found) == 1 for found in roles.values())
    assert len(roles) == 51 + 32
    assert len(cases) == 2 * len(roles)
    assert Counter(target for case, target in cases if case.role == "test_internal")["pancreas"] == 16


@pytest.mark.real
def test_files_of_the_other_target_are_absent(cases):
    for case, target in cases:
        expected = set() if case.role == "report_train" else {target}
        assert set(case.tumors) == expected, case.case_id
        assert set(case.organs) <= ORGANS[target]
        if "KITS23_00194" not in case.source_id:
            assert set(case.organs) == ORGANS[target]


@pytest.mark.real
def test_tumors_lie_in_organs_and_normals_have_empty_files(cases):
    shares = []
    for case, target in cases:
        if not case.tumors:
            continue
        tumor = read_volume(case.tumors[target].path).array > 0
        assert tumor.any() == case.source_id.endswith("_tumor"), case.case_id
        if tumor.any():  # the organ masks are a segmenter's: some tumor voxels lie outside
            organs = np.any([read_volume(source.path).array > 0 for source in case.organs.values()], axis=0)
            shares.append((tumor & organs).sum() / tumor.sum())
    assert np.median(shares) > 0.9
    assert min(shares) > 0.3


@pytest.mark.real
def test_volumes_on_the_coarse_grid_are_the_real_ones(roots):
    truth = pd.read_csv(roots["real_masks"] / "truth.csv").groupby("case_id")["volume_mm3"].sum()
    ratios = []
    for case_id, volume_mm3 in truth.items():
        (path,) = (roots["real_masks"] / case_id / "segmentations").glob("*_lesion.nii.gz")
        ratios.append(float((nib.load(path).get_fdata() > 0).sum()) * 64 / volume_mm3)
    assert min(ratios) > 0.75
    assert max(ratios) < 1.3
    assert 0.95 < np.median(ratios) < 1.1


@pytest.mark.real
@pytest.mark.parametrize("target", ["pancreas", "kidney"])
def test_normals_have_organ_hu_where_the_tumor_was_and_differ_nowhere_else(real, target):
    entry = next(e for e in catalog(real) if e.target == target and e.tumors[0].diameters_mm[0] > 30)
    crop = read_crop(entry, 500.0)
    hospital = RealHospital(
        hospital_id=1,
        roles=("mask_train",),
        phases=PhaseShares(plain=0, arterial=0, venous=1),
        types={"hypo": 1.0, "hyper": 0.0, "heterogeneous": 0.0},
    )
    tumor, normal = (
        render_case(
            crop,
            target,
            with_tumors=diseased,
            hospital=hospital,
            spec=RealAnatomySpec(),
            rng=np.random.default_rng(5),
        )
        for diseased in (True, False)
    )
    voxels = tumor.tumor
    np.testing.assert_array_equal(voxels, normal.tumor)
    assert normal.types == ()
    organ = np.any(list(normal.organs.values()), axis=0) & ~voxels
    middle = normal.ct[voxels].mean()
    # A hypodense tumor in the venous phase: at least 0.75 x 1.2 x 40 = 36 HU lower, less at its soft edge.
    assert np.percentile(normal.ct[organ], 5) < middle < np.percentile(normal.ct[organ], 95)
    assert middle - tumor.ct[voxels].mean() > 20
    far = np.abs(tumor.ct.astype(int) - normal.ct)
    assert (far[~_grown(voxels, 4)] == 0).all()  # edge 3 mm and point spread 8 mm: within four voxels


def _grown(mask, voxels):
    from scipy import ndimage

    return ndimage.binary_dilation(mask, np.ones((3, 3, 3)), voxels)


@pytest.mark.real
def test_stated_sizes_are_those_measured_or_recorded(real, roots):
    by_case = {entry.case_id: entry for entry in catalog(real)}
    kinds = Counter()
    for name in ("real_reports", "real_external"):
        sources = pd.read_csv(roots[name] / "sources.csv", keep_default_na=False).set_index("case_id")
        texts = read_reports(roots[name], "reports.csv")
        for line in (roots[name] / "stated.jsonl").read_text().splitlines():
            stated = json.loads(line)
            source = sources.loc[stated["case_id"]]
            entry = by_case[source["source_case"]]
            assert stated["case_id"] in texts
            if stated["case_id"].endswith("_normal"):
                assert stated["findings"] == []
                continue
            assert len(stated["findings"]) == len(entry.tumors)  # one finding per instance
            for finding, tumor in zip(stated["findings"], entry.tumors, strict=True):
                given = tumor.diameters_mm
                if source["sizes"] == "record":
                    given = (entry.record_mm,)
                    assert len(finding["diameters_mm"]) == 1
                rounded = sorted((max(1.0, float(round(d))) for d in given), reverse=True)
                assert Counter(finding["diameters_mm"]) <= Counter(rounded)
            kinds[source["sizes"]] += 1
    assert kinds["measured"] > kinds["record"] > 0


@pytest.mark.real
def test_reports_name_no_pancreas_segment_and_the_right_kidney(roots):
    for name in ("real_reports", "real_external"):
        truth = pd.read_csv(roots[name] / "truth.csv")
        for line in (roots[name] / "stated.jsonl").read_text().splitlines():
            stated = json.loads(line)
            rows = truth[truth["case_id"] == stated["case_id"]]
            for finding, structure in zip(stated["findings"], rows["structure"], strict=True):
                if structure == "pancreas":
                    assert finding["segments"] == []
                else:
                    assert [f"kidney_{side}" for side in finding["segments"]] == [structure]
    assert not read_reports(roots["real_masks"], "reports.csv")


@pytest.mark.real
def test_reports_say_nothing_of_the_organ_that_no_crop_shows(roots):
    words = {"pancreas": re.compile(r"\brenal|kidney", re.I), "kidney": re.compile("pancrea", re.I)}
    for name in ("real_reports", "real_external"):
        stated = [json.loads(line) for line in (roots[name] / "stated.jsonl").read_text().splitlines()]
        unmentioned = {line["case_id"]: line["unmentioned"] for line in stated}
        for case_id, text in read_reports(roots[name], "reports.csv").items():
            target = "pancreas" if "PANORAMA" in case_id else "kidney"
            assert not words[target].search(text), text
            assert unmentioned[case_id] == ["kidney" if target == "pancreas" else "pancreas"]


@pytest.mark.real
def test_same_seed_gives_the_same_bytes(real, roots, tmp_path):
    write_dataset(tmp_path / "again", "real_external", real, RealAnatomySpec(), SEED)
    first = sorted(path for path in roots["real_external"].rglob("*") if path.is_file())
    for path in first:
        twin = tmp_path / "again" / path.relative_to(roots["real_external"])
        assert twin.read_bytes() == path.read_bytes()
