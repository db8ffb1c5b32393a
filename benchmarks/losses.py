"""What R-Super's losses cost: localization against direct convolution, all of them against a network.

    OMP_NUM_THREADS=1 python benchmarks/losses.py [--full] [--out losses.csv]

Localization: a 128^3 patch of 1 mm voxels with a region of a pancreas's size, balls of 10 to 60 mm. Ours is
`locate_ball` (region, transforms, ties and all); the other two are torch's `conv3d` of the same kernel,
which is how the authors' code does it, on the whole patch and on the region's box. Direct convolution takes
minutes for large balls: unless --full is given, only some planes of its output are computed, and the time is
scaled to all.

Losses: Volume Loss and Ball Loss with three tumors, forward and backward, against forward and backward of
the paper's MedFormer on the same 64^3 patch. One process, the same threads, medians of repeated calls.

The floor of a localization is three real transforms of the padded box in float64, 2.5 n log2 n operations
each; of direct convolution one multiplication and addition per tap and voxel.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from rsuper.losses.ball import ReportedTumor, ball_kernel, ball_terms, locate_ball
from rsuper.losses.geometry import bounding_box, correlate
from rsuper.losses.volume import volume_loss
from rsuper.networks.build import build_network

UNIT = (1.0, 1.0, 1.0)
PATCH, BOX = (128, 128, 128), (60, 44, 116)  # voxels; a pancreas with its surroundings
DIAMETERS_MM = (10.0, 20.0, 40.0, 60.0)
TUMORS_MM = (30.0, 20.0, 10.0)
PLANES = 4


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def scene(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A smooth probability map, and a region: an ellipsoid that fills its box."""
    noise = torch.randn(1, 1, *PATCH, generator=generator)
    smooth = F.avg_pool3d(noise, 9, stride=1, padding=4)[0, 0]
    axes = [(torch.arange(side) - (side - 1) / 2) / (side / 2) for side in BOX]
    square = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2
    region = torch.zeros(PATCH, dtype=torch.bool)
    region[40:100, 50:94, 6:122] = square <= 1
    return torch.sigmoid(smooth / smooth.std() - 2), region


def direct(volume: Tensor, kernel: Tensor, planes: int) -> Tensor:
    """Zero-padded convolution: as many planes of its output, from the middle."""
    half_x, half_y, half_z = (side // 2 for side in kernel.shape)
    first = (volume.shape[0] - planes) // 2
    slab = F.pad(volume, (0, 0, 0, 0, half_x, half_x))[first : first + planes + 2 * half_x]
    return F.conv3d(slab[None, None], kernel[None, None], padding=(0, half_y, half_z))[0, 0]


def direct_seconds(volume: Tensor, kernel: Tensor, full: bool) -> float:
    """Time of a whole convolution, scaled up from some planes unless it is to be measured in full."""
    side = volume.shape[0]
    planes = side if full else min(side, PLANES)
    return seconds(lambda: direct(volume, kernel, planes), 1) * side / planes


def exact(volume: Tensor, kernel: Tensor) -> Tensor:
    """Independent float64 sums: numpy's complex transform of volume and kernel, padded to the full length."""
    padded = [a + b - 1 for a, b in zip(volume.shape, kernel.shape, strict=True)]
    first, second = (np.fft.fftn(each.double().numpy(), padded, (0, 1, 2)) for each in (volume, kernel))
    full = np.fft.ifftn(first * second).real
    window = tuple(slice(k // 2, k // 2 + n) for n, k in zip(volume.shape, kernel.shape, strict=True))
    return torch.from_numpy(full[window])


def localization(full: bool) -> Iterator[dict[str, float]]:
    """One row per ball: times, ratios, and the largest error relative to the peak."""
    probability, region = scene(torch.Generator().manual_seed(0))
    box = bounding_box(region)
    assert box is not None
    masked = probability * region
    for diameter_mm in DIAMETERS_MM:
        yield _row(probability, region, masked, masked[box].contiguous(), diameter_mm, full)


def _row(
    probability: Tensor, region: Tensor, masked: Tensor, crop: Tensor, diameter_mm: float, full: bool
) -> dict[str, float]:
    kernel = ball_kernel(diameter_mm, UNIT)
    truth = exact(crop, kernel)
    peak = truth.max()
    first = (len(crop) - PLANES) // 2
    by_planes = direct(crop, kernel.float(), PLANES).double() - truth[first : first + PLANES]
    ours = seconds(lambda: locate_ball(probability, diameter_mm, UNIT, region=region), 9)
    whole = direct_seconds(masked, kernel.float(), full)
    same_crop = direct_seconds(crop, kernel.float(), full)
    return {
        "ball_mm": diameter_mm,
        "taps": int((kernel > 0).sum()),
        "ours_ms": 1000 * ours,
        "direct_patch_ms": 1000 * whole,
        "direct_box_ms": 1000 * same_crop,
        "times_patch": whole / ours,
        "times_box": same_crop / ours,
        "error_ours": float((correlate(crop.double(), kernel) - truth).abs().max() / peak),
        "error_direct": float(by_planes.abs().max() / peak),
        "direct_gmac": math.prod(PATCH) * kernel.numel() / 1e9,
    }


def whole_loss(side: int = 64) -> dict[str, float]:
    """Both losses with three tumors, and the paper's network, on one patch."""
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    network = build_network("medformer", 1, 2, preset="paper")
    # Two patches, halved: alone, torch may choose slower convolutions, which would flatter the losses.
    image = torch.randn(2, 1, side, side, side, generator=generator)
    region = torch.zeros(side, side, side, dtype=torch.bool)
    region[4:60, 8:52, 2:62] = True
    box = (slice(4, 60), slice(8, 52), slice(2, 62))
    tumors = [ReportedTumor(region, math.pi / 6 * d**3, d, box) for d in TUMORS_MM]
    reported = torch.tensor([sum(tumor.volume_mm3 for tumor in tumors)])
    logits = torch.randn(2, 1, side, side, side, generator=generator) - 2

    def loss() -> None:
        final, deep = (each.clone().requires_grad_() for each in logits)
        ball = ball_terms(final, [tumors], (~region)[None] | region[None], UNIT)
        volume = volume_loss(torch.sigmoid(deep), region[None], reported, torch.ones(1))
        (0.1 * (ball.cross_entropy.mean() + ball.dice) + 0.1 * volume.mean()).backward()

    def step() -> None:
        network.zero_grad(set_to_none=True)
        outputs = network(image)
        (outputs.final.mean() + outputs.deep.mean()).backward()

    losses, pass_seconds = seconds(loss, 9), seconds(step, 1) / 2
    return {
        "losses_ms": 1000 * losses,
        "medformer_ms": 1000 * pass_seconds,
        "losses_percent": 100 * losses / pass_seconds,
    }


def main() -> None:
    """Measure, print, and write the rows of the localization where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--full", action="store_true", help="time direct convolution of the whole patch whole"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", help="CSV for the localization")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"localization, 128^3 patch of 1 mm, region in a box of {BOX}, {arguments.threads} thread(s)")
    rows = []
    for row in localization(arguments.full):
        rows.append(row)
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    if arguments.out:
        pd.DataFrame(rows).to_csv(arguments.out, index=False)
    print(
        f"\nboth losses with tumors of {TUMORS_MM} mm against MedFormer (paper), forward and backward, 64^3"
    )
    for name, value in whole_loss().items():
        print(f"{name:16} {value:10.4g}")


if __name__ == "__main__":
    main()
