import gzip

import nibabel as nib
import numpy as np
import pytest

from rsuper.data import volumes
from rsuper.data.volumes import (
    read_ct,
    read_grid,
    read_mask,
    read_probability,
    read_volume,
    write_probability,
)
from rsuper.errors import DamagedError, DataError
from rsuper.files import seal

CODES = ("RAS", "LPS", "LAS", "ASR", "PIR", "SRA")


def oblong(path, axes):
    """A 3 x 4 x 5 ramp with spacing 1 x 2 x 3 mm (RAS+), stored in the order `axes`."""
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (10, -20, 30)
    image = nib.Nifti1Image(array, affine)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes)
    )
    nib.save(image.as_reoriented(turn), path)
    return array, affine


@pytest.mark.parametrize("axes", CODES)
def test_every_stored_order_reads_as_ras(tmp_path, axes):
    array, affine = oblong(tmp_path / "ct.nii.gz", axes)
    volume = read_volume(tmp_path / "ct.nii.gz")
    np.testing.assert_array_equal(volume.array, array)
    assert volume.array.dtype == np.int16
    assert volume.spacing_mm == (1, 2, 3)
    assert volume.shape == (3, 4, 5)
    np.testing.assert_allclose(volume.grid.affine, affine)


@pytest.mark.parametrize("axes", CODES)
def test_a_probability_map_lies_on_its_ct(tmp_path, axes):
    oblong(tmp_path / "ct.nii.gz", axes)
    ct = read_grid(tmp_path / "ct.nii.gz")
    probability = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    write_probability(probability, tmp_path / "p.nii.gz", ct.file_affine)
    stored = nib.load(tmp_path / "p.nii.gz")
    assert nib.aff2axcodes(stored.affine) == tuple(axes)
    np.testing.assert_allclose(stored.affine, ct.file_affine)
    # Half a step of 1/65535.
    np.testing.assert_allclose(read_probability(tmp_path / "p.nii.gz", ct), probability, atol=0.51 / 65535)


def test_probability_zero_and_one_are_exact(tmp_path):
    oblong(tmp_path / "ct.nii.gz", "LPS")
    ct = read_grid(tmp_path / "ct.nii.gz")
    probability = np.zeros((3, 4, 5), dtype=np.float32)
    probability[0], probability[1] = 1.0, 0.5
    write_probability(probability, tmp_path / "p.nii.gz", ct.file_affine)
    assert nib.load(tmp_path / "p.nii.gz").get_data_dtype() == np.uint16
    read = read_probability(tmp_path / "p.nii.gz", ct)
    assert (read[0] == 1).all()
    assert (read[2] == 0).all()
    assert (read[1] >= 0.5).all()  # 32768 / 65535: a map at one half stays a mask


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_no_probability_outside_its_range(tmp_path, value):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        write_probability(np.full((2, 2, 2), value), tmp_path / "p.nii.gz", np.eye(4))


def test_a_map_of_another_shape_is_refused(tmp_path):
    oblong(tmp_path / "ct.nii.gz", "RAS")
    write_probability(np.zeros((2, 2, 2)), tmp_path / "p.nii.gz", np.eye(4))
    with pytest.raises(DataError, match=r"\(2, 2, 2\), its CT \(3, 4, 5\)"):
        read_probability(tmp_path / "p.nii.gz", read_grid(tmp_path / "ct.nii.gz"))


def test_a_mask_on_another_grid_names_both(tmp_path, save_nifti):
    save_nifti(np.zeros((4, 4, 4), np.int16), tmp_path / "ct.nii.gz", "RAS", 2.0)
    ct = read_grid(tmp_path / "ct.nii.gz")
    save_nifti(np.zeros((4, 4, 3), np.uint8), tmp_path / "short.nii.gz", "RAS", 2.0)
    with pytest.raises(DataError, match=r"short.nii.gz: .*\(4, 4, 3\) against \(4, 4, 4\)"):
        read_mask(tmp_path / "short.nii.gz", ct)
    save_nifti(np.zeros((4, 4, 4), np.uint8), tmp_path / "fine.nii.gz", "RAS", 1.0)
    with pytest.raises(DataError, match=r"spacing \[1.0, 1.0, 1.0\] against \[2.0, 2.0, 2.0\] mm"):
        read_mask(tmp_path / "fine.nii.gz", ct)


def test_a_mask_may_be_stored_in_another_order_than_its_ct(tmp_path, save_nifti):
    mask = np.zeros((4, 4, 4), np.uint8)
    mask[0, 1, 2] = 1
    save_nifti(np.zeros((4, 4, 4), np.int16), tmp_path / "ct.nii.gz", "RAS")
    save_nifti(mask, tmp_path / "mask.nii.gz", "LPS")
    read = read_mask(tmp_path / "mask.nii.gz", read_grid(tmp_path / "ct.nii.gz"))
    np.testing.assert_array_equal(read, mask > 0)


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, np.nan])
def test_a_mask_holds_zero_and_one(tmp_path, save_nifti, value):
    mask = np.zeros((3, 3, 3), np.float32)
    mask[0], mask[1, 1, 1] = 1, value
    save_nifti(mask, tmp_path / "mask.nii.gz", "RAS")
    with pytest.raises(DataError, match="mask of 0 and 1"):
        read_mask(tmp_path / "mask.nii.gz", read_grid(tmp_path / "mask.nii.gz"))


@pytest.mark.parametrize("suffix", ["nii.gz", "nii"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2", ">f4", np.float64])
@pytest.mark.parametrize("axes", ["RAS", "LPI"])
def test_portions_of_zeros_between_others(tmp_path, monkeypatch, suffix, dtype, axes):
    monkeypatch.setattr(volumes, "PORTION_BYTES", 56)
    array = np.zeros((5, 6, 7), dtype=dtype)
    array[1, 2, 3], array[4, 5, 6], array[:, 2, 5] = 1, 1, 1
    affine = np.diag([-1.0, -2.0, -3.0, 1.0] if axes == "LPI" else [1.0, 2.0, 3.0, 1.0])
    path = tmp_path / f"a.{suffix}"
    header = nib.Nifti1Header(endianness=">" if array.dtype.str[0] == ">" else "<")
    nib.save(nib.Nifti1Image(array, affine, header, dtype=dtype), path)
    turned = array[::-1, ::-1, ::-1] if axes == "LPI" else array
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array, turned)
    assert volume.array.dtype == np.dtype(dtype)
    mask = read_mask(path, volume.grid)
    np.testing.assert_array_equal(mask, turned == 1)
    assert mask.dtype == bool
    np.testing.assert_array_equal(read_probability(path, volume.grid), turned)


@pytest.mark.parametrize("stored", [np.uint8, np.int16, ">i2", np.int32, np.float32, np.float64])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (0.25, 3.5)])
def test_a_ct_takes_four_bytes_per_voxel_at_most(tmp_path, monkeypatch, stored, slope, intercept):
    monkeypatch.setattr(volumes, "PORTION_BYTES", 64)
    values = np.zeros((5, 6, 7), dtype=stored)
    values[2:, 3, :] = np.arange(7)
    image = nib.Nifti1Image(values, np.diag([-1.0, 1.0, 1.0, 1.0]), dtype=stored)
    image.header.set_slope_inter(slope, intercept)
    nib.save(image, tmp_path / "a.nii.gz")
    ct, known = read_ct(tmp_path / "a.nii.gz"), read_volume(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(ct.array, known.array.astype(np.float32))
    assert ct.array.dtype.itemsize <= 4
    assert ct.grid.shape == known.grid.shape


def test_a_number_too_large_for_a_ct_is_infinite(tmp_path):
    nib.save(nib.Nifti1Image(np.full((2, 2, 2), 1e300), np.eye(4)), tmp_path / "a.nii.gz")
    assert np.isinf(read_ct(tmp_path / "a.nii.gz").array).all()


def test_slope_and_intercept_are_applied(tmp_path):
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nib.Nifti1Image(values, np.eye(4))
    image.header.set_slope_inter(0.5, -3.0)
    nib.save(image, tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.array, values * 0.5 - 3)
    with pytest.raises(DataError, match=r"mask of 0 and 1, found \[-3.0, -2.5, -2.0, -1.5, -1.0\]"):
        read_mask(tmp_path / "a.nii.gz", volume.grid)
    nib.save(nib.Nifti1Image(values / 23, np.eye(4), dtype=np.int16), tmp_path / "p.nii.gz")
    map_of_another_tool = read_probability(tmp_path / "p.nii.gz", volume.grid)
    np.testing.assert_allclose(map_of_another_tool, values / 23, atol=1e-4)


@pytest.mark.parametrize("bad", [-0.1, 1.1])
def test_a_map_of_another_tool_is_read_and_a_bad_value_anywhere_is_refused(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(volumes, "PORTION_BYTES", 64)
    values = np.zeros((9, 8, 7), dtype=np.float32)
    values[4, 4, 3] = 0.75
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "p.nii.gz")
    grid = read_grid(tmp_path / "p.nii.gz")
    np.testing.assert_array_equal(read_probability(tmp_path / "p.nii.gz", grid), values)
    values[-1, -1, -1] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "p.nii.gz")
    assert np.isnan(read_probability(tmp_path / "p.nii.gz", grid)).sum() == 1  # for `score_case` to refuse
    values[-1, -1, -1] = bad
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "p.nii.gz")
    with pytest.raises(DataError, match=r"in \[0, 1\]"):
        read_probability(tmp_path / "p.nii.gz", grid)


def test_unreadable_files_are_named(tmp_path, save_nifti):
    with pytest.raises(DataError, match=r"none.nii.gz: no such file"):
        read_volume(tmp_path / "none.nii.gz")
    (tmp_path / "text.nii.gz").write_text("no CT")
    with pytest.raises(DataError, match=r"text.nii.gz"):
        read_volume(tmp_path / "text.nii.gz")
    save_nifti(
        np.random.default_rng(0).integers(0, 999, (9, 9, 9)).astype(np.int16), tmp_path / "a.nii.gz", "RAS"
    )
    whole = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut.nii.gz"):
        read_volume(tmp_path / "cut.nii.gz")
    broken = bytearray(whole)
    broken[30:70] = b"\xff" * 40  # inside the compressed stream
    (tmp_path / "broken.nii.gz").write_bytes(bytes(broken))
    with pytest.raises(DataError, match=r"broken.nii.gz"):
        read_volume(tmp_path / "broken.nii.gz")
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2), np.int16), np.eye(4)), tmp_path / "four.nii.gz")
    with pytest.raises(DataError, match="three dimensions"):
        read_volume(tmp_path / "four.nii.gz")


def test_a_changed_voxel_in_a_compressed_file_is_noticed(tmp_path, save_nifti):
    path = tmp_path / "mask.nii.gz"
    rng = np.random.default_rng(0)
    save_nifti(rng.integers(0, 2, (40, 40, 40), dtype=np.uint8), path, "RAS")
    content = bytearray(gzip.decompress(path.read_bytes()))
    checksum = path.read_bytes()[-8:]
    content[-1] ^= 1  # still a mask, but another one
    path.write_bytes(gzip.compress(bytes(content))[:-8] + checksum)
    with pytest.raises(DataError, match="damaged NIfTI: CRC check failed"):
        read_mask(path, read_grid(path))


def test_a_lost_image_of_a_made_data_set_says_how_to_make_it_anew(tmp_path):
    image = tmp_path / "raw" / "phantom" / "case" / "ct.nii.gz"
    with pytest.raises(DamagedError, match=r"ct\.nii\.gz: no such file$"):  # a user's own
        read_grid(image)
    image.parent.mkdir(parents=True)
    metadata = tmp_path / "raw" / "phantom" / "metadata.csv"
    metadata.touch()
    seal(metadata)
    with pytest.raises(DamagedError, match=r"no such file; .*after: rm -f \S+raw/phantom/metadata\.csv \S+"):
        read_grid(image)
    image.write_bytes(b"no NIfTI")
    with pytest.raises(DamagedError, match=r"cannot be read as NIfTI.* \S+data/phantom/findings\.jsonl$"):
        read_grid(image)
