"""Kinds of bad CTs and masks: what is done to case A, and what the suite says of it."""

import gzip
from collections.abc import Callable

import nibabel as nib
import numpy as np

from tests.data.bad_site import AFFINE, KIDNEY_LABEL, SHAPE, Site, box, patch, save

Kind = tuple[Callable[[Site], object], str]  # the damage, and a pattern of the message
RNG = np.random.default_rng(7)
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def cut(share: float) -> Callable[[Site], None]:
    def damage(site: Site) -> None:
        content = site.ct.read_bytes()
        site.ct.write_bytes(content[: int(len(content) * share)])

    return damage


def flip_voxel(site: Site) -> None:
    content = bytearray(gzip.decompress(site.ct.read_bytes()))
    checksum = site.ct.read_bytes()[-8:]
    content[-1] ^= 1
    site.ct.write_bytes(gzip.compress(bytes(content))[:-8] + checksum)


def ct_of(array: np.ndarray) -> Callable[[Site], None]:
    return lambda site: save(array, site.ct)


def mask_of(array: np.ndarray, name: str = "pancreas", scale: float = 1.0) -> Callable[[Site], None]:
    affine = AFFINE @ np.diag([scale, scale, scale, 1.0])
    return lambda site: save(array, site.mask(name), affine)


def one_voxel(value: float, like: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    array = like.astype(dtype)
    array[2, 2, 2] = value
    return array


def noise(low: int, high: int, dtype: type = np.int16) -> np.ndarray:
    return RNG.integers(low, high, SHAPE).astype(dtype)


def as_folder(site: Site) -> None:
    site.ct.unlink()
    site.ct.mkdir()


def swapped(site: Site) -> None:
    ct, mask = site.ct.read_bytes(), site.mask().read_bytes()
    site.ct.write_bytes(mask)
    site.mask().write_bytes(ct)


def shifted(site: Site) -> None:
    affine = AFFINE.copy()
    affine[0, 3] = 30.0
    save(box("pancreas"), site.mask(), affine)


def short_mask(site: Site) -> None:
    content = site.mask().read_bytes()
    site.mask().write_bytes(content[: len(content) - 12])


def without_organ(site: Site) -> None:
    site.mask().unlink()
    site.cell(pancreas="")


def without_tumors(site: Site) -> None:
    for name in ("pancreatic_lesion", "kidney_lesion"):
        site.mask(name).unlink()
    site.cell(pancreas_tumor="", kidney_tumor="")


def without_voxels(site: Site) -> None:
    for name in ("pancreas", "kidney_left", "kidney_right"):
        save(np.zeros(SHAPE, np.uint8), site.mask(name))
    save(np.zeros(SHAPE, np.uint8), site.kidneys)


def no_codes(site: Site) -> None:
    patch(site.ct, "codes", 0, 0)
    patch(site.ct, "pixdim", 1, 0, 0, 0)


def all_patched(field: str, *values: float) -> Callable[[Site], None]:
    def damage(site: Site) -> None:
        for path in (site.root / "A").rglob("*.nii.gz"):
            patch(path, field, *values)

    return damage


def unpacked(site: Site) -> None:
    site.ct.write_bytes(gzip.decompress(site.ct.read_bytes()))


HU = noise(-900, 900)
ORGAN = box("pancreas")

# In both layouts: a row with a reason where a table names the cases, an error where metadata.csv does.
FILES: dict[str, Kind] = {
    "truncated gzip": (cut(0.5), r"A/ct.nii.gz: damaged NIfTI"),
    "cut in the header": (cut(0.01), r"A/ct.nii.gz: cannot be read as NIfTI"),
    "empty file": (cut(0), r"A/ct.nii.gz: cannot be read as NIfTI"),
    "plain text": (lambda site: site.ct.write_text("no CT"), r"A/ct.nii.gz: cannot be read as NIfTI"),
    "compressed text": (lambda site: site.ct.write_bytes(gzip.compress(b"no CT")), r"A/ct.*cannot be read"),
    "not compressed": (unpacked, r"A/ct.nii.gz: cannot be read as NIfTI"),
    "a changed voxel": (flip_voxel, r"A/ct.nii.gz: damaged NIfTI: CRC"),
    "more voxels than the file": (all_patched("dim", 3, 16, 14, 900), r"A/.*nii.gz: damaged NIfTI"),
    "more voxels than any memory": (all_patched("dim", 3, *[30000] * 3), r"A/.*nii.gz: damaged NIfTI"),
    "no voxel": (lambda s: patch(s.ct, "dim", 3, 16, 14, 0), r"A/ct.nii.gz: "),
    "negative size": (lambda s: patch(s.ct, "dim", 3, 16, -14, 8), r"A/ct.nii.gz: "),
    "unknown type": (lambda s: patch(s.ct, "datatype", 999), r"A/ct.nii.gz: cannot be read as NIfTI"),
    "no magic": (lambda s: patch(s.ct, "magic", 0, 0, 0, 0), r"A/ct.nii.gz: "),
    "infinite intercept": (lambda s: patch(s.ct, "scl_slope", 1, np.inf), r"A/ct.nii.gz: cannot be read"),
    "4D": (ct_of(np.stack([HU, HU], axis=3)), r"A/ct.nii.gz: expected three dimensions"),
    "2D": (ct_of(HU[:, :, 0]), r"A/ct.nii.gz: expected three dimensions"),
    "NaN affine": (lambda s: patch(s.ct, "srow", np.nan), r"A/ct.nii.gz: the affine is not finite"),
    "infinite affine": (lambda s: patch(s.ct, "srow", 10, 0, 0, np.inf), r"A/ct.*the affine is not finite"),
    "zero spacing": (lambda s: patch(s.ct, "srow", *[0.0] * 12), r"A/ct.nii.gz: spacing .* not positive"),
    "no affine at all": (no_codes, r"A/ct.nii.gz: spacing .* not positive, and there is no affine"),
    "singular affine": (
        lambda s: patch(s.ct, "srow", 10, 0, 0, 0, 10, 0, 0, 0),
        r"A/ct.nii.gz: (the affine does not give an orientation|spacing)",
    ),
    "parallel axes": (
        lambda s: patch(s.ct, "srow", 10, 10, 0, 0, 10, 10.0001, 0, 0, 0, 0, 10, 0),
        r"A/ct.nii.gz: the affine does not give an orientation",
    ),
    "huge spacing": (lambda s: save(HU, s.ct, AFFINE * 1e4), r"A/ct.nii.gz: spacing .* outside"),
    "spacing in meters": (lambda s: save(HU, s.ct, AFFINE * 1e-4), r"A/ct.nii.gz: spacing .* outside"),
    "RGB": (ct_of(np.zeros(SHAPE, RGB)), r"A/ct.nii.gz: expected one number per voxel"),
    "complex": (ct_of(HU.astype(np.complex64)), r"A/ct.nii.gz: expected one number per voxel"),
    "NaN voxel": (ct_of(one_voxel(np.nan, HU)), r"A/ct.nii.gz: voxels that are NaN or infinite"),
    "infinite voxel": (ct_of(one_voxel(-np.inf, HU)), r"A/ct.nii.gz: voxels that are NaN or infinite"),
    "all air": (ct_of(noise(-1024, -900)), r"A/ct.nii.gz: nothing but air"),
    "no CT": (lambda site: site.ct.unlink(), r"A/ct.nii.gz: no such file"),
    "a folder as CT": (as_folder, r"A/ct.nii.gz: no such file"),
    "unreadable": (lambda site: site.ct.chmod(0), r"A/ct.nii.gz: cannot be read"),
    "CT and mask swapped": (swapped, r"A/segmentations/pancreas.nii.gz: expected a mask of 0 and 1"),
    "mask of another shape": (
        mask_of(ORGAN[:, :, :-1]),
        r"pancreas.nii.gz: mask of shape .* not on the grid",
    ),
    "mask of another spacing": (mask_of(ORGAN, scale=0.5), r"pancreas.nii.gz: mask .* not on the grid"),
    "mask at another place": (shifted, r"pancreas.nii.gz: mask .* not on the grid"),
    "mask in 4D": (mask_of(ORGAN[..., None] * np.ones(2, np.uint8)), r"pancreas.*three dimensions"),
    "mask in color": (mask_of(np.zeros(SHAPE, RGB)), r"pancreas.nii.gz: expected one number per voxel"),
    "truncated mask": (short_mask, r"A/segmentations/pancreas.nii.gz: damaged NIfTI"),
    "mask with a 2": (mask_of(one_voxel(2, ORGAN)), r"pancreas.nii.gz: expected a mask of 0 and 1, found"),
    "mask of 0 and 255": (mask_of(255 * ORGAN), r"pancreas.nii.gz: expected a mask of 0 and 1, found"),
    "mask with fractions": (mask_of(one_voxel(0.5, ORGAN)), r"pancreas.*mask of 0 and 1, found \[0.5\]"),
    "mask below 0": (mask_of(one_voxel(-1, ORGAN, np.int16)), r"pancreas.*mask of 0 and 1, found \[-1.0\]"),
    "mask with NaN": (mask_of(one_voxel(np.nan, ORGAN)), r"pancreas.nii.gz: expected a mask of 0 and 1"),
    "tumor mask with a 3": (
        mask_of(one_voxel(3, ORGAN), "pancreatic_lesion"),
        r"pancreatic_lesion.nii.gz: expected a mask of 0 and 1",
    ),
    "masks without a voxel": (without_voxels, r"own_A: no voxel of any organ"),
    "tumor mask without organ": (without_organ, r"own_A: tumors of the pancreas are annotated, but no organ"),
    "role of masks without a tumor mask": (without_tumors, r"own_A: role mask_train needs a tumor mask"),
}


def wrong_extension(site: Site) -> None:
    site.ct.rename(site.root / "A" / "ct.dcm")
    site.cell(ct="A/ct.dcm")


def wrong_format(site: Site) -> None:
    nib.save(nib.MGHImage(HU, AFFINE), site.root / "A" / "ct.mgz")
    site.cell(ct="A/ct.mgz")


def kidneys_of(array: np.ndarray) -> Callable[[Site], None]:
    return lambda site: save(array, site.kidneys)


def touching() -> np.ndarray:
    both = box("kidney_left") | box("kidney_right")
    both[1:15, 5, 3] = 1
    return KIDNEY_LABEL * both


BOTH = KIDNEY_LABEL * (box("kidney_left") | box("kidney_right"))
# A row of a table alone can say these.
TABLE_FILES: dict[str, Kind] = {
    "wrong extension": (wrong_extension, r"A/ct.dcm: cannot be read as NIfTI"),
    "another format": (wrong_format, r"A/ct.mgz: expected NIfTI, got MGHImage"),
    "a mask file that is not there": (lambda s: s.mask().unlink(), r"pancreas.nii.gz: no such file"),
    "a tumor file that is not there": (
        lambda s: s.mask("pancreatic_lesion").unlink(),
        r"pancreatic_lesion.nii.gz: no such file",
    ),
    "no organ mask": (lambda s: s.cell(pancreas="", kidneys=""), "no organ mask"),
    "label above 255": (kidneys_of(one_voxel(300, BOTH, np.uint16)), r"kidneys.*up to 255 as labels, found"),
    "label below 0": (kidneys_of(one_voxel(-5, BOTH, np.int16)), r"kidneys.nii.gz: expected whole numbers"),
    "label with a fraction": (kidneys_of(one_voxel(4.5, BOTH)), r"kidneys.*found \[4.5\]"),
    "NaN label": (kidneys_of(one_voxel(np.nan, BOTH)), r"kidneys.nii.gz: expected whole numbers"),
    "touching kidneys": (kidneys_of(touching()), r"kidneys.nii.gz: one piece of kidney"),
    "specks for kidneys": (kidneys_of(one_voxel(5, 0 * BOTH, np.uint8)), r"kidneys.*no kidney of at least"),
}


def tumor_outside(site: Site) -> None:
    save(box("kidney_right"), site.mask("pancreatic_lesion"))


def same_image(site: Site) -> None:
    site.ct.write_bytes((site.root / "B" / "ct.nii.gz").read_bytes())


# Legal numbers that look wrong: used, and a row of audit.csv, before any training.
SUSPICIOUS: dict[str, Kind] = {
    "0 to 255": (ct_of(noise(0, 256, np.uint8)), "values from 0 to 255, not HU"),
    "offset of 1024": (ct_of(noise(100, 2900, np.uint16)), "no value below 0: an offset such as 1024"),
    "int overflow": (ct_of(noise(-60000, 60000, np.int32)), "values far outside -4096 to 4096"),
    "one value": (ct_of(np.full(SHAPE, 30, np.int16)), "every voxel has the same value"),
    "few values": (ct_of(noise(-3, 3)), "at most 64 distinct values"),
    "one empty organ mask": (mask_of(0 * ORGAN), "mask pancreas is empty"),
    "tumor outside its organ": (tumor_outside, "tumor of the pancreas|pancreas"),
    "the same image twice": (same_image, "same"),
    "spacing of 15 mm": (lambda s: resized(s, 1.5), "voxel edges outside"),
    "misspelled role": (lambda s: renamed(s, "mask_trian"), "role 'mask_trian' is none of the experiment's"),
    "unknown role": (lambda s: renamed(s, "holdout"), "role 'holdout' is none of the experiment's"),
    "role of reports without a report": (
        lambda s: renamed(s, "report_train"),
        "role 'report_train' without a report",
    ),
}


def resized(site: Site, scale: float) -> None:
    affine = AFFINE @ np.diag([scale, scale, scale, 1.0])
    names = ("pancreas", "kidney_left", "kidney_right", "pancreatic_lesion", "kidney_lesion")
    for name in names:
        save(box(name), site.mask(name), affine)
    save(BOTH, site.kidneys, affine)
    save(HU, site.ct, affine)


def renamed(site: Site, role: str) -> None:
    site.cell(role=role)
    site.write(site.text("metadata.csv").replace("A,PA,mask_train", f"A,PA,{role}"), "metadata.csv")
