"""Organs of the digital abdomen: placed by rule, shaped at random, each case from its own generator.

RAS+: x grows toward the patient's right, y to the front, z to the head.
Positions are in mm from the middle of the grid.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from rsuper.data.phantom.shapes import Blob, Ellipsoid, Grid, Layer, paint, smooth_field, tube

SEGMENTS = ("pancreas_head", "pancreas_body", "pancreas_tail")
KIDNEYS = ("kidney_left", "kidney_right")

# Largest extent of an organ with all that grows on it (x, y, z). A voxel more on each side for a segmenter's
# mask and one of slack still fit in a patch of 128 x 96 x 112 mm.
MAX_EXTENT_MM = {
    "pancreas": (112.0, 80.0, 88.0),
    "kidney_left": (64.0, 64.0, 96.0),
    "kidney_right": (64.0, 64.0, 96.0),
}
_CENTERLINE_POINTS = 24  # about 5 mm apart


@dataclass(frozen=True)
class Centerline:
    """Middle of the pancreas from head to tail, with its radius and where its segments meet."""

    points_mm: Float32[np.ndarray, "n 3"]
    radii_mm: Float32[np.ndarray, " n"]
    head_end: float
    tail_start: float

    def position(self, points_mm: Float32[np.ndarray, "m 3"]) -> Float[np.ndarray, " m"]:
        """Give the place along the line, 0 at the head's end and 1 at the tail's, nearest to each point."""
        line = self.points_mm
        squared = (line * line).sum(1)[None, :] - 2 * points_mm @ line.T
        return squared.argmin(1) / (len(line) - 1)

    def segment(self, position: Float[np.ndarray, " m"]) -> np.ndarray:
        """Give 0, 1 or 2 (head, body, tail) per place along the line."""
        return np.digitize(position, [self.head_end, self.tail_start])


@dataclass(frozen=True)
class Anatomy:
    """A body without disease: what to paint, and where each organ is.

    `cores` holds, per organ, the points in which a growth may be centered; `closed` the voxels into which
    none may reach (bone, great vessels, body wall and the border of the grid).
    """

    grid: Grid
    background: tuple[Layer, ...]
    organs: tuple[Layer, ...]
    masks: dict[str, Bool[np.ndarray, "x y z"]]
    cores: dict[str, Float32[np.ndarray, "n 3"]]
    closed: Bool[np.ndarray, "x y z"]
    centerline: Centerline


def build_anatomy(grid: Grid, rng: np.random.Generator) -> Anatomy:
    """Draw one body.

    Args:
        grid: at least as wide as `rsuper.config.phantom.FIELD_OF_VIEW_MM`.
        rng: of this case alone; its draws do not depend on tumors or phase.

    Returns:
        Background layers (body to bowel), organ layers (kidneys, pancreas) to be painted after whatever
        bulges from the organs, and the organ masks.
    """
    body, closed = _body(grid, rng)
    tubes, vessels_closed = _spine_and_vessels(grid, rng)
    upper = _upper_organs(grid, rng)
    bowel = _bowel(grid, rng)
    line = _centerline(rng)
    pancreas = _pancreas_blob(grid, line, rng)
    kidneys = {name: _kidney(grid, rng, name) for name in KIDNEYS}

    organs = [layer for name in KIDNEYS for layer in kidneys[name][1]]
    organs += [_splenic_vein(grid, line), paint("pancreas", pancreas, grid.spacing_mm[0])]
    masks = {"pancreas": _inside(grid, pancreas)}
    cores = {"pancreas": _points(grid, pancreas, -np.inf, -3.0)}
    for name in KIDNEYS:
        masks[name] = _inside(grid, kidneys[name][0]) & ~masks["pancreas"]
        cores[name] = _points(grid, kidneys[name][0], -14.0, 0.0)  # parenchyma, not the sinus in the middle
    return Anatomy(
        grid=grid,
        background=(*body, *upper, *bowel, *tubes),
        organs=tuple(organs),
        masks=masks,
        cores=cores,
        closed=closed | vessels_closed | _border(grid),
        centerline=line,
    )


def points_in_box(grid: Grid, blob: Blob, inside: Bool[np.ndarray, "x y z"]) -> Float32[np.ndarray, "n 3"]:
    """Give the coordinates in mm of the voxels of a blob's box that are marked."""
    axes = grid.axes(blob.box)
    return np.stack([np.broadcast_to(axis, inside.shape)[inside] for axis in axes], 1)


def _points(grid: Grid, blob: Blob, deepest_mm: float, shallowest_mm: float) -> Float32[np.ndarray, "n 3"]:
    marked = (blob.distance_mm > deepest_mm) & (blob.distance_mm < shallowest_mm)
    return points_in_box(grid, blob, marked)


def _inside(grid: Grid, blob: Blob) -> Bool[np.ndarray, "x y z"]:
    mask = np.zeros(grid.shape, bool)
    mask[blob.box] = blob.distance_mm < 0
    return mask


def _border(grid: Grid) -> Bool[np.ndarray, "x y z"]:
    """Two voxels at each face: one for a segmenter's error, one of slack around the patch."""
    border = np.ones(grid.shape, bool)
    border[2:-2, 2:-2, 2:-2] = False
    return border


def _column(grid: Grid, center_mm: tuple[float, float], semi_axes_mm: tuple[float, float]) -> Blob:
    """Elliptical cylinder along z through the whole grid."""
    x, y, z = grid.axes()
    u, v = x - np.float32(center_mm[0]), y - np.float32(center_mm[1])
    a, b = (np.float32(side) for side in semi_axes_mm)
    radius = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2)
    distance = np.where(radius < 1e-3, -min(a, b), radius * (radius - 1) / np.maximum(slope, 1e-6))
    whole = np.broadcast_to(distance.astype(np.float32), (*distance.shape[:2], z.shape[2]))
    return Blob((slice(None), slice(None), slice(None)), whole)


def _body(grid: Grid, rng: np.random.Generator) -> tuple[list[Layer], Bool[np.ndarray, "x y z"]]:
    """Skin, fat, muscle wall and the fat inside; closed outside the wall."""
    edge = grid.spacing_mm[0]
    side, depth = rng.uniform(104, 109), rng.uniform(74, 78)
    wall, muscle = rng.uniform(3, 7), rng.uniform(5, 8)
    cavity = _column(grid, (0.0, 0.0), (side - wall - muscle, depth - wall - muscle))
    layers = [
        paint("fat", _column(grid, (0.0, 0.0), (side, depth)), edge),
        paint("muscle", _column(grid, (0.0, 0.0), (side - wall, depth - wall)), edge),
        paint("fat", cavity, edge),
    ]
    for sign in (-1, 1):  # psoas beside the spine, back muscles behind it
        layers.append(paint("muscle", _column(grid, (sign * 27.0, -48.0), (9.0, 11.0)), edge))
        layers.append(paint("muscle", _column(grid, (sign * 30.0, -66.0), (20.0, 8.0)), edge))
    return layers, cavity.distance_mm > -2


def _spine_and_vessels(grid: Grid, rng: np.random.Generator) -> tuple[list[Layer], Bool[np.ndarray, "x y z"]]:
    edge = grid.spacing_mm[0]
    spine = _column(grid, (rng.normal(0, 2), -52.0), (rng.uniform(16, 19), rng.uniform(13, 15)))
    aorta = _column(grid, (rng.uniform(-11, -6), -27.0), (rng.uniform(7, 9), rng.uniform(7, 9)))
    cava = _column(grid, (rng.uniform(13, 17), -25.0), (rng.uniform(8, 11), rng.uniform(6, 8)))
    layers = [paint(*pair, edge) for pair in (("bone", spine), ("aorta", aorta), ("vein", cava))]
    canal = _column(grid, (0.0, -66.0), (7.0, 6.0))
    layers.append(paint("muscle", canal, edge))
    closed = (spine.distance_mm < 2) | (aorta.distance_mm < 0) | (cava.distance_mm < 0)
    return layers, closed


def _upper_organs(grid: Grid, rng: np.random.Generator) -> list[Layer]:
    """Liver with its left lobe on the patient's right, spleen and stomach on the left."""
    edge = grid.spacing_mm[0]
    size = rng.uniform(0.92, 1.08, 4)
    x, y, z = rng.normal(0, 3, (3, 4))
    shapes = [
        ("liver", (54 + x[0], 6 + y[0], 46 + z[0]), (44, 54, 48)),
        ("liver", (10 + x[1], 42 + y[1], 52 + z[1]), (46, 20, 26)),
        ("spleen", (-72 + x[2], -12 + y[2], 50 + z[2]), (20, 32, 30)),
        ("stomach", (-38 + x[3], 30 + y[3], 46 + z[3]), (32, 24, 28)),
    ]
    layers = []
    for (tissue, center, semi), scale in zip(shapes, size, strict=True):
        axes = (semi[0] * scale, semi[1] * scale, semi[2] * scale)
        blob = Ellipsoid(center, axes, float(rng.normal(0, 0.1))).blob(grid)
        layers.append(paint(tissue, blob, edge))
        if tissue == "stomach":
            layers.append(paint("content", Blob(blob.box, blob.distance_mm + np.float32(4)), edge))
    return layers


def _bowel(grid: Grid, rng: np.random.Generator) -> list[Layer]:
    """Loops with wall and fluid or gas in the front and lower abdomen, colon at both flanks."""
    edge = grid.spacing_mm[0]
    layers: list[Layer] = []
    for sign in (-1, 1):
        gas = rng.random() < 0.5
        for z in np.arange(-70, -5, 18.0):
            center = (sign * 80 + rng.normal(0, 3), 4 + rng.normal(0, 4), float(z))
            layers += _loop(grid, Ellipsoid(center, (11.0, 12.0, 13.0)), "gas" if gas else "content", edge)
    for _ in range(rng.integers(10, 16)):
        center = (rng.uniform(-62, 62), rng.uniform(24, 48), rng.uniform(-76, 10))
        semi = (rng.uniform(9, 16), rng.uniform(8, 12), rng.uniform(8, 14))
        shape = Ellipsoid(center, semi, float(rng.uniform(0, np.pi)))
        layers += _loop(grid, shape, "gas" if rng.random() < 0.15 else "content", edge)
    return layers


def _loop(grid: Grid, shape: Ellipsoid, filling: str, edge_mm: float) -> list[Layer]:
    blob = shape.blob(grid)
    lumen = Blob(blob.box, blob.distance_mm + np.float32(3))
    return [paint("bowel", blob, edge_mm), paint(filling, lumen, edge_mm)]


def _centerline(rng: np.random.Generator) -> Centerline:
    """Bend from the head (right, low) over the spine to the tail (left, high, behind)."""
    jitter = np.clip(rng.normal(0, 1, (4, 3)), -1.5, 1.5) * (3.0, 2.5, 3.0)
    knots = np.array([(26, -2, -16), (9, 6, -2), (-20, 8, 4), (-46, -3, 14)]) + jitter
    t = np.linspace(0, 1, _CENTERLINE_POINTS)[:, None]
    bend = (1 - t) ** 3 * knots[0] + 3 * (1 - t) ** 2 * t * knots[1]
    points = bend + 3 * (1 - t) * t**2 * knots[2] + t**3 * knots[3]
    scale = rng.uniform(0.88, 1.12)
    stations = [0, 0.12, 0.35, 0.7, 1]
    radii = np.interp(t[:, 0], stations, np.array([13, 17, 12.5, 11.5, 9]) * scale)
    cuts = (float(rng.normal(0.36, 0.02)), float(rng.normal(0.68, 0.02)))
    return Centerline(points.astype(np.float32), radii.astype(np.float32), *cuts)


def _pancreas_blob(grid: Grid, line: Centerline, rng: np.random.Generator) -> Blob:
    smooth = tube(grid, line.points_mm, line.radii_mm, 6.0)
    # Lobulated contour; 1.5 mm is a third of a voxel, enough that no two pancreases share an outline.
    wobble = smooth_field(rng, smooth.distance_mm.shape, grid.spacing_mm, 12.0)
    return Blob(smooth.box, smooth.distance_mm + np.clip(np.float32(1.5) * wobble, -3, 3))


def _splenic_vein(grid: Grid, line: Centerline) -> Layer:
    """Vein along the back of body and tail."""
    points = line.points_mm[8:] + np.array([0, -11, 2], np.float32)
    blob = tube(grid, points, np.full(len(points), 3.5, np.float32), 4.0)
    return paint("vein", blob, grid.spacing_mm[0])


def _kidney(grid: Grid, rng: np.random.Generator, name: str) -> tuple[Blob, list[Layer]]:
    """Cortex around pyramids around a fatty sinus that opens toward the spine and the front."""
    edge = grid.spacing_mm[0]
    sign = 1 if name == "kidney_right" else -1  # RAS+: the patient's right is at larger x
    low = -8 if name == "kidney_right" else -2  # the liver pushes the right kidney down
    center = (sign * rng.uniform(57, 61), rng.uniform(-37, -33), low + rng.normal(0, 3))
    semi = (rng.uniform(22, 25), rng.uniform(19, 22), rng.uniform(39, 44))
    shape = Ellipsoid(center, semi, sign * float(rng.uniform(0.1, 0.5)))
    blob = shape.blob(grid)
    wobble = smooth_field(rng, blob.distance_mm.shape, grid.spacing_mm, 14.0)
    blob = Blob(blob.box, blob.distance_mm + np.clip(np.float32(1.2) * wobble, -3, 3))
    layers = [paint("cortex", blob, edge)]
    for height in np.linspace(-0.6, 0.6, 5):
        for turn in (-1.3, 0.0, 1.3):  # around the sinus, none toward the spine
            angle = turn + rng.normal(0, 0.3)
            middle = (
                center[0] + sign * 0.5 * semi[0] * np.cos(angle),
                center[1] + 0.5 * semi[1] * np.sin(angle),
                center[2] + height * semi[2],
            )
            pyramid = Ellipsoid(middle, (5.5, 5.0, 5.5)).blob(grid, edge)
            layers.append(paint("medulla", pyramid, edge))
    hilum = (center[0] - sign * 0.45 * semi[0], center[1] + 0.2 * semi[1], center[2])
    sinus = Ellipsoid(hilum, (0.28 * semi[0], 0.18 * semi[1], 0.25 * semi[2]), shape.angle_rad).blob(grid)
    layers.append(paint("sinus", sinus, edge))
    pelvis = Ellipsoid(hilum, (0.15 * semi[0], 0.1 * semi[1], 0.1 * semi[2]), shape.angle_rad).blob(grid)
    layers.append(paint("urine", pelvis, edge))
    return blob, layers
