"""A real CT with its header trap goes from file to stored volume to probability map and back."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from rsuper.config.experiment import Network, Predict, Preprocess
from rsuper.data.patches import whole_input
from rsuper.data.resample import to_shape
from rsuper.data.shards import preprocess_cohort
from rsuper.data.store import open_store, structure_mask
from rsuper.data.volumes import read_grid, read_probability, read_volume, write_probability
from rsuper.engine.predict import probability_map
from rsuper.networks.build import build_network

pytestmark = pytest.mark.real

# Class numbers of TotalSegmentator's task "total".
CLASSES = {"kidney_right": 2, "kidney_left": 3, "pancreas": 7}
# By its affine the slab lies 82 slices too low: its header repeats the whole CT's origin.
SLAB = slice(82, 112)
SETTINGS = Preprocess(spacing_mm=(4.0, 4.0, 4.0), clip_hu=(-40.0, 200.0), normalize="window")
NETWORK = Network(patch=(32, 24, 24))


@pytest.fixture(scope="module")
def folder(real):
    return real / "ct_totalsegmentator"


@pytest.fixture(scope="module")
def masks(folder):
    """Organ masks on the whole CT's grid, the slab placed by index."""
    slab = np.asarray(nib.load(folder / "example_seg.nii.gz").dataobj)
    whole = np.zeros(nib.load(folder / "example_ct.nii.gz").shape, np.uint8)
    whole[:, :, SLAB] = slab
    return {name: whole == number for name, number in CLASSES.items()}


@pytest.fixture(scope="module")
def stored(folder, masks, tmp_path_factory):
    root = tmp_path_factory.mktemp("real_ct")
    case = root / "case"
    (case / "segmentations").mkdir(parents=True)
    (case / "ct.nii.gz").write_bytes((folder / "example_ct.nii.gz").read_bytes())
    affine = nib.load(folder / "example_ct.nii.gz").affine
    for name, mask in masks.items():
        image = nib.Nifti1Image(mask.astype(np.uint8), affine)
        nib.save(image, case / "segmentations" / f"{name}.nii.gz")
    row = {"case_id": "real", "role": "test", "ct": str(case / "ct.nii.gz"), "reason": ""}
    row |= {"organs": " ".join(CLASSES), "annotated": ""}
    frame = preprocess_cohort(pd.DataFrame([row]), SETTINGS, root / "data" / "volumes", "mask_train")
    assert frame.loc[0, "shape"] == "92 76 84"  # 122, 101 and 112 voxels of 3 mm: 366, 303 and 336 mm
    frame.to_csv(root / "data" / "volumes.csv", index=False)
    return case / "ct.nii.gz", open_store(root / "data" / "volumes.csv")["real"]


def test_the_slab_belongs_to_the_ct_by_index(folder):
    ct = np.asarray(nib.load(folder / "example_ct.nii.gz").dataobj)
    slab = np.asarray(nib.load(folder / "example_ct_sm.nii.gz").dataobj)
    np.testing.assert_array_equal(ct[:, :, SLAB], slab)


def test_the_ct_is_read_in_hu(folder, masks):
    volume = read_volume(folder / "example_ct.nii.gz")
    np.testing.assert_allclose(volume.spacing_mm, 3.0, atol=1e-3)
    assert -1100 < np.percentile(volume.array, 1) < -900  # air
    for name, mask in masks.items():
        assert -20 < volume.array[mask].mean() < 60, name  # unenhanced organs, the pancreas with fat
    assert np.argwhere(masks["kidney_right"])[:, 0].mean() > np.argwhere(masks["kidney_left"])[:, 0].mean()


def test_organs_keep_their_volume_and_their_hu_in_the_store(stored, masks):
    _, case = stored
    origin = (0, 0, 0)
    organs, ct = case.organs(origin, case.index.shape), case.ct(origin, case.index.shape)
    for name, mask in masks.items():
        kept = structure_mask(organs, [name])
        assert kept.sum() * 64 == pytest.approx(mask.sum() * 27, rel=0.1), name
        assert -20 < ct[kept].mean() < 60, name
    assert set(case.index.boxes) == set(CLASSES)
    assert case.index.tumor_voxels == {}


def test_prediction_comes_back_on_the_cts_own_grid(stored, tmp_path):
    ct_file, case = stored
    torch.manual_seed(0)
    network = build_network("unet", 1, 2).eval()
    image = whole_input(case, SETTINGS, NETWORK)
    assert image.min() >= -1
    assert image.max() <= 1
    maps = probability_map(
        lambda x: network(x).final, image, NETWORK.patch, Predict(overlap=0.0, batch=4), "cpu"
    )
    grid = read_grid(ct_file)
    for channel in maps:
        native = to_shape(channel, grid.shape)
        assert native.shape == (122, 101, 112)
        assert np.isfinite(native).all()
        assert native.min() >= 0
        assert native.max() <= 1
        write_probability(native, tmp_path / "map.nii.gz", grid.file_affine)
        np.testing.assert_allclose(read_probability(tmp_path / "map.nii.gz", grid), native, atol=1e-5)
        written = nib.load(tmp_path / "map.nii.gz")
        np.testing.assert_allclose(written.affine, grid.file_affine, atol=1e-4)
