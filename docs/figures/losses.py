"""Draw the figures of docs/losses.md from the losses themselves: `python docs/figures/losses.py`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch
from torch import Tensor

from rsuper.losses.ball import Assignment, ReportedTumor, assign_tumors, ball_kernel, locate_ball
from rsuper.losses.geometry import Spacing, correlate
from rsuper.losses.volume_curve import curve_points
from rsuper.publish.figures.figure1 import volume_loss_figure
from rsuper.reports.sizes import tumor_volume_mm3

FOLDER = Path(__file__).parent
_SETTINGS: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
# Colors after Okabe and Ito, told apart by color-blind readers; lines differ in their dashes as well.
_BLUE, _ORANGE, _BLACK, _SKY, _YELLOW = "#0072B2", "#D55E00", "#000000", "#56B4E9", "#F0E442"
_PALE = "0.93"

SPACING_MM: Spacing = (2.0, 2.0, 2.0)
SHAPE = (60, 44, 21)
MARGIN_MM = 2.0


# -------------------------------------------------------------------------------------- volume loss


def volume_figure() -> Figure:
    """Draw Figure 1's curve, loss and gradient against the predicted volume."""
    return volume_loss_figure(pd.DataFrame(asdict(point) for point in curve_points()))


# ---------------------------------------------------------------------------------------- ball loss


@dataclass(frozen=True, eq=False)
class Scene:
    """A made-up patch: what a network might say, the organ, an organ cut by the patch, and the report."""

    probability: Float[Tensor, "x y z"]
    organ: Bool[Tensor, "x y z"]
    cut_organ: Bool[Tensor, "x y z"]
    tumors: tuple[ReportedTumor, ...]


def scene(seed: int = 3) -> Scene:
    """Make the patch: two reported tumors, a spot in the organ that no report names, one outside it."""
    axes = [step * torch.arange(side) for step, side in zip(SPACING_MM, SHAPE, strict=True)]
    place_mm = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    middle = axes[2][SHAPE[2] // 2].item()

    def distance(x: float, y: float) -> Tensor:
        return (place_mm - torch.tensor([x, y, middle])).norm(dim=-1)

    bend = [distance(60 + 36 * np.cos(angle), 30 + 26 * np.sin(angle)) for angle in np.linspace(0, np.pi, 40)]
    organ = torch.stack(bend).amin(0) <= 15
    logit = torch.full(SHAPE, -4.5)
    for x, y, size, height in (
        (36, 48, 9, 6.5),
        (88, 44, 6, 6),
        (62, 58, 4, 5.5),
        (62, 24, 6, 6),
        (18, 8, 5, 5),
    ):
        logit += height * torch.exp(-((distance(x, y) / size) ** 2) / 2)
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    smooth = correlate(noise, ball_kernel(3 * SPACING_MM[0], SPACING_MM))
    sizes_mm = ((26.0, 20.0), (15.0,))
    tumors = tuple(ReportedTumor(organ, tumor_volume_mm3(sizes), max(sizes)) for sizes in sizes_mm)
    return Scene(torch.sigmoid(logit + 1.2 * smooth / smooth.std()), organ, distance(10, 4) <= 18, tumors)


def respond(example: Scene) -> tuple[Float[Tensor, "x y z"], tuple[int, int, int]]:
    """Convolve the organ's probabilities with the largest tumor's ball; and the center that it finds."""
    diameter_mm = assign(example).diameters_mm[0]
    response = correlate(example.probability * example.organ, ball_kernel(diameter_mm, SPACING_MM))
    return response, locate_ball(example.probability, diameter_mm, SPACING_MM, region=example.organ)


def assign(example: Scene) -> Assignment:
    """Make the mask of the example with the defaults of the Ball Loss."""
    return assign_tumors(example.probability, example.tumors, SPACING_MM, margin_mm=MARGIN_MM)


def ball_figure() -> Figure:
    """Draw Figure 2's steps on the central slice of `scene`."""
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    example = scene()
    made = assign(example)
    panels = figure.subplots(2, 2)
    _draw_map(panels[0, 0], example)
    _draw_response(panels[0, 1], example)
    _draw_assignment(panels[1, 0], example, made)
    _draw_penalties(panels[1, 1], example, made)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def _slice(volume: Tensor) -> np.ndarray:
    return volume[:, :, SHAPE[2] // 2].T.numpy()


def _show(axes: Axes, picture: np.ndarray, **options: Any) -> Any:
    width, height = SHAPE[0] * SPACING_MM[0], SHAPE[1] * SPACING_MM[1]
    return axes.imshow(
        picture, origin="lower", extent=(0, width, 0, height), interpolation="nearest", **options
    )


def _outline(axes: Axes, mask: Tensor, color: str, **options: Any) -> None:
    sides = [step * (np.arange(side) + 0.5) for step, side in zip(SPACING_MM, SHAPE, strict=True)]
    axes.contour(sides[0], sides[1], _slice(mask.float()), levels=[0.5], colors=color, **options)


def _circle(axes: Axes, center: Sequence[int], diameter_mm: float, color: str, dashes: str = "-") -> None:
    """Draw where a ball meets the central slice, and its center."""
    x, y, z = (step * (index + 0.5) for step, index in zip(SPACING_MM, center, strict=True))
    off = z - SPACING_MM[2] * (SHAPE[2] // 2 + 0.5)
    radius = (max(0.0, (diameter_mm / 2) ** 2 - off**2)) ** 0.5
    axes.add_patch(Circle((x, y), radius, fill=False, color=color, linewidth=1.8, linestyle=dashes))
    axes.plot(x, y, "+", color=_BLACK, markersize=10, markeredgewidth=1.8)


def _draw_map(axes: Axes, example: Scene) -> None:
    shown = _show(axes, _slice(example.probability), cmap="viridis", vmin=0, vmax=1)
    _outline(axes, example.organ, "white", linewidths=1.5)
    axes.figure.colorbar(shown, ax=axes, shrink=0.6, label="tumor probability")
    axes.set_title("What the network says, and the organ", loc="left", fontsize=11)


def _draw_response(axes: Axes, example: Scene) -> None:
    response, center = respond(example)
    inside = np.where(_slice(example.organ), _slice(response), np.nan)
    axes.set_facecolor(_PALE)
    shown = _show(axes, inside, cmap="viridis")
    diameter_mm = assign(example).diameters_mm[0]
    _circle(axes, center, diameter_mm, "white")
    axes.figure.colorbar(shown, ax=axes, shrink=0.6, label="weighted sum in the ball")
    axes.set_title(f"II  The {diameter_mm:.0f} mm ball that holds most", loc="left", fontsize=11)


def _draw_assignment(axes: Axes, example: Scene, made: Assignment) -> None:
    _show(axes, _slice(example.probability), cmap="gray_r", vmin=0, vmax=2)
    labels = np.ma.masked_equal(_slice(made.labels), 0)
    colors = [_BLUE, _ORANGE]
    _show(axes, labels, cmap=ListedColormap(colors), vmin=1, vmax=2, alpha=0.85)
    _outline(axes, example.organ, "0.4", linewidths=1.2)
    handles = []
    for k, (center, color) in enumerate(zip(made.centers, colors, strict=True)):
        if center is not None:
            _circle(axes, center, made.diameters_mm[k], _BLACK, "--")
        handles.append(Patch(color=color, label=f"tumor {k + 1}: N = {made.requested[k]:,} voxels"))
    _legend(axes, handles)
    axes.set_title("III, IV  Top N in each ball, largest first", loc="left", fontsize=11)


def _draw_penalties(axes: Axes, example: Scene, made: Assignment) -> None:
    tumor, border = _slice(made.labels) > 0, _slice(made.border)
    background = ~tumor & ~border & ~_slice(example.cut_organ)
    shades = LinearSegmentedColormap.from_list("weight", ["#F5C9A8", "#7A2E00"])
    weights = made.weight[made.labels > 0]
    _show(axes, np.full(tumor.shape, 0.0), cmap=ListedColormap([_PALE]))
    _show(axes, np.ma.masked_equal(background, False), cmap=ListedColormap([_SKY]))
    _show(axes, np.ma.masked_equal(border, False), cmap=ListedColormap([_YELLOW]))
    _show(axes, np.ma.masked_where(~tumor, _slice(made.weight)), cmap=shades)
    _outline(axes, example.organ, "0.2", linewidths=1.2)
    lightest, heaviest = weights.min().item(), weights.max().item()
    _legend(
        axes,
        [
            Patch(color=shades(0.8), label=f"up, weight {heaviest:.1f} (surest) to {lightest:.1f}"),
            Patch(color=_SKY, label="down"),
            Patch(color=_YELLOW, label="border: left alone"),
            Patch(facecolor=_PALE, edgecolor="0.6", label="organ cut by the patch: left alone"),
        ],
    )
    axes.set_title("What the loss then asks for", loc="left", fontsize=11)


def _legend(axes: Axes, handles: Sequence[Patch]) -> None:
    axes.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.01), fontsize=9)


# -------------------------------------------------------------------------------------------- files

FIGURES = {"volume_loss.png": volume_figure, "ball_loss.png": ball_figure}


def write_figures(folder: Path) -> None:
    """Write all figures; the same versions of the libraries give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_SETTINGS):
        for name, draw in FIGURES.items():
            figure = draw()
            FigureCanvasAgg(figure)
            figure.savefig(folder / name, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    write_figures(FOLDER)
