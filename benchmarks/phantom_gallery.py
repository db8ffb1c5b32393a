"""Draw axial and coronal slices of a few synthetic CTs: `python benchmarks/phantom_gallery.py out.png`."""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from rsuper.config.phantom import CaseKind, PhantomSpec
from rsuper.data.phantom.case import PhantomCase, make_case

KINDS: tuple[CaseKind, ...] = ("pancreas", "kidney", "both", "normal")
COLORS = {"pancreas": "yellow", "kidney_left": "cyan", "kidney_right": "deepskyblue"}
WINDOW_HU = (-120, 240)


def main() -> None:
    """Read the command line, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("png", type=Path)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    spec = PhantomSpec()
    hospitals = list(spec.hospitals.items())
    figure, axes = plt.subplots(arguments.cases, 4, figsize=(17, 3.3 * arguments.cases), squeeze=False)
    for row in range(arguments.cases):
        name, hospital = hospitals[row % len(hospitals)]
        seed = (arguments.seed, hospital.hospital_id, row)
        case = make_case(spec, hospital, KINDS[row % len(KINDS)], seed)
        axes[row, 0].set_title(f"{name}: {case.kind}, {case.phase}", fontsize=9, loc="left")
        _draw_case(axes[row], case, spec.grid.spacing_mm)
    figure.tight_layout()
    figure.savefig(arguments.png, dpi=60)


def _draw_case(axes: np.ndarray, case: PhantomCase, spacing_mm: tuple[float, float, float]) -> None:
    """Axial and coronal slice through the first tumor (else the pancreas), bare and with contours."""
    focus = case.tumors[0].mask if case.tumors else case.organs["pancreas"]
    _, y, z = (int(np.median(index)) for index in np.nonzero(focus))
    for column in range(4):
        axis, plane = axes[column], (_axial(z) if column < 2 else _coronal(y))
        # Radiological view: the patient's right on the left of the picture.
        height = spacing_mm[1] if column < 2 else spacing_mm[2]
        picture = case.ct[plane][::-1].T
        axis.imshow(picture, cmap="gray", origin="lower", aspect=height / spacing_mm[0], clim=WINDOW_HU)
        axis.set_axis_off()
        if column % 2:
            _contours(axis, case, plane)


def _axial(z: int) -> tuple[slice, slice, int]:
    return slice(None), slice(None), z


def _coronal(y: int) -> tuple[slice, int, slice]:
    return slice(None), y, slice(None)


def _contours(axis: plt.Axes, case: PhantomCase, plane: tuple[slice | int, ...]) -> None:
    drawn = [(case.stored_organs[name], color) for name, color in COLORS.items()]
    drawn += [(tumor.mask, "red") for tumor in case.tumors]
    drawn += [(_distractor_mask(case, i), "lime") for i in range(len(case.distractors))]
    for mask, color in drawn:
        if mask[plane].any():
            axis.contour(mask[plane][::-1].T, [0.5], colors=color, linewidths=0.8)


def _distractor_mask(case: PhantomCase, index: int) -> np.ndarray:
    blob = case.distractors[index].blob
    mask = np.zeros(case.ct.shape, bool)
    mask[blob.box] = blob.distance_mm < 0
    return mask


if __name__ == "__main__":
    main()
