"""Stands for an organ segmenter in tests: thresholds a CT whose organs are brighter than all else.

    python stand_in_segmenter.py {ct} {folder} [map]

It counts its calls in calls.txt beside itself, and does what behavior.txt there says (a line `name what` per
CT). With `map` it leaves one label map, as nnU-Net does, and takes a folder with one CT. It runs alone: no
module of the suite is imported.
"""

import json
import os
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

BRIGHT_HU = 50
LEFT_OF_MM, RIGHT_OF_MM = -36, 32  # kidneys lie outside, the pancreas between


def behavior(name: str) -> str:
    path = Path(__file__).with_name("behavior.txt")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    known = dict(line.rsplit(" ", 1) for line in lines)
    return known.get(name, "")


def masks_of(image: nib.Nifti1Image) -> dict[str, np.ndarray]:
    bright = np.asarray(image.dataobj) > BRIGHT_HU
    x_mm = np.indices(bright.shape)[0] * image.affine[0, 0] + image.affine[0, 3]
    left, right = x_mm < LEFT_OF_MM, x_mm > RIGHT_OF_MM
    return {
        "pancreas": bright & ~left & ~right,
        "kidney_left": bright & left,
        "kidney_right": bright & right,
    }


def main() -> None:
    ct, folder = Path(sys.argv[1]), Path(sys.argv[2])
    if sys.argv[3:] == ["map"]:
        (ct,) = ct.iterdir()
        assert ct.name == "case_0000.nii.gz"
    with Path(__file__).with_name("calls.txt").open("a", encoding="utf-8") as calls:
        calls.write(f"{ct}\n")
    what = behavior(ct.name)
    sys.stdout.write(f"segmenting\rsegmenting {ct.name}\n")
    if what == "exit":
        sys.exit("no weights: download them first")
    if what == "nothing":
        (folder / "liver.nii.gz").touch()
        return
    image = nib.load(ct)
    masks, affine = masks_of(image), image.affine
    if what == "empty":
        masks = {name: mask & False for name, mask in masks.items()}
    if what == "no_kidney":
        masks["kidney_right"][:] = False
    if what == "grid":
        masks = {name: mask[:, :, 1:] for name, mask in masks.items()}
    if sys.argv[3:] == ["map"]:
        labels = np.uint8(masks["pancreas"]) + 2 * np.uint8(masks["kidney_left"] | masks["kidney_right"])
        nib.save(nib.Nifti1Image(labels, affine), folder / "case.nii.gz")
    else:
        for name, mask in masks.items():
            values = np.uint8(mask) * (7 if what == "values" else 1)
            nib.save(nib.Nifti1Image(values, affine), folder / f"{name}.nii.gz")
    (folder / "environment.json").write_text(json.dumps(dict(os.environ)), encoding="utf-8")


if __name__ == "__main__":
    main()
