"""Area of the surface that passes through each 2x2x2 block of a mask.

Between two neighboring voxel centers of which one is inside and one outside, the surface is taken to cross
at the middle. A block of eight centers has 256 patterns; for each, the surface through the block is a set of
polygons whose corners are such middles. It is found so:

1. The side with fewer of the eight centers (either one at four against four) is kept. Its centers fall into
   pieces that hang together along the edges of the block; pieces touching only across a diagonal stay apart.
2. Each piece is separated from the rest by one closed polygon: the middles of the edges that leave the piece,
   in the order in which they share faces of the block.
3. Only the pentagon around three centers and the hexagon around a bent chain of four are not flat, so their
   area depends on how they are cut into triangles. Of the fans of triangles from one corner the largest on
   cubic voxels is taken; equally large fans have equal areas on every grid.

These three rules give the areas of the surface-distance implementation by DeepMind (and of MONAI's sub-voxel
mode, which carries the same table) for all 256 patterns and any spacing; the tests compare them.
"""

import itertools
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

Center = tuple[int, int, int]
CENTERS: tuple[Center, ...] = tuple(itertools.product((0, 1), (0, 1), (0, 1)))
INTERIOR_CODE = 255


def neighbor_codes(bits: UInt8[np.ndarray, "x y z"]) -> UInt8[np.ndarray, " n"]:
    """Number the pattern of the 2x2x2 block that starts at each voxel; 0 is all outside, 255 all inside.

    The bit of the center at offset (dx, dy, dz) is 7 - (4 dx + 2 dy + dz). Voxels are taken in memory order
    as one line, several times faster than row by row: a block at the end of an axis runs over into the next
    row. So every axis must end in a background voxel. The line stops where the last whole block starts.

    Args:
        bits: 1 inside, 0 outside; C-contiguous.
    """
    line, (_, y, z) = bits.reshape(-1), bits.shape
    pairs = line[:-1] << 1
    pairs |= line[1:]
    squares = pairs[:-z] << 2
    squares |= pairs[z:]
    codes = squares[: -y * z] << 4
    codes |= squares[y * z :]
    return codes


def surface_areas_mm2(spacing_mm: tuple[float, float, float]) -> Float[np.ndarray, " 256"]:
    """Give the area of the surface in a block for each of the 256 patterns, on a grid of this spacing."""
    x, y, z = spacing_mm
    vectors = _area_vectors() * np.array([y * z, x * z, x * y], dtype=np.float64)
    return np.linalg.norm(vectors, axis=2).sum(axis=1)


@cache
def _area_vectors() -> Float[np.ndarray, "256 4 3"]:
    """Collect the triangles of every pattern as area vectors on cubic voxels of 1 mm, padded by zeros.

    An area vector is normal to its triangle and as long as its area, so that another spacing merely scales
    its components. No pattern needs more than four triangles.
    """
    table = np.zeros((256, 4, 3))
    for code in range(256):
        inside = frozenset(c for c in CENTERS if code >> (7 - (4 * c[0] + 2 * c[1] + c[2])) & 1)
        kept = inside if len(inside) <= 4 else frozenset(CENTERS) - inside
        triangles = [t for piece in _pieces(kept) for t in _largest_fan(_polygon(piece))]
        table[code, : len(triangles)] = np.reshape(triangles, (-1, 3))
    table.setflags(write=False)
    return table


def _neighbors(center: Center) -> list[Center]:
    flips = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    return [(center[0] ^ f[0], center[1] ^ f[1], center[2] ^ f[2]) for f in flips]


def _pieces(centers: frozenset[Center]) -> list[frozenset[Center]]:
    """Split centers into pieces that hang together along edges of the block."""
    left, pieces = set(centers), []
    while left:
        piece: set[Center] = set()
        grown = {min(left)}
        while grown != piece:
            piece = grown
            grown = piece | {n for c in piece for n in _neighbors(c) if n in left}
        pieces.append(frozenset(piece))
        left -= piece
    return pieces


def _polygon(piece: frozenset[Center]) -> Float[np.ndarray, "corners 3"]:
    """Order the middles of the edges leaving a piece so that each shares a face with the next."""
    middles = [np.add(c, n) / 2 for c in sorted(piece) for n in _neighbors(c) if n not in piece]
    ordered = [middles.pop(0)]
    while middles:
        on_one_face = [bool(np.any((m == ordered[-1]) & (m != 0.5))) for m in middles]
        ordered.append(middles.pop(on_one_face.index(True)))
    return np.array(ordered)


def _largest_fan(polygon: Float[np.ndarray, "corners 3"]) -> Float[np.ndarray, "triangles 3"]:
    """Cut a polygon into the fan of triangles with the largest area; return their area vectors."""
    fans = []
    for first in range(len(polygon)):
        spokes = np.roll(polygon, -first, axis=0)[1:] - polygon[first]
        fans.append(np.cross(spokes[:-1], spokes[1:]) / 2)
    return max(fans, key=lambda fan: float(np.linalg.norm(fan, axis=1).sum()))
