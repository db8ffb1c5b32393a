"""Prediction of a whole volume: ours against MONAI's inferer, with the same windows and weights."""

import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.carried import packages
from benchmarks.gpu_steps import EAGER, FAST, Setting, Size, Training, switched
from benchmarks.gpu_timing import Recorder, Row, forget_peak, peak_gib, synchronize
from rsuper.engine.predict import probability_map

OVERLAP, AT_ONCE, ROUNDS = 0.5, 2, 3


class Covered:
    """Windows as config/paper.yaml has them."""

    overlap, blend, batch = OVERLAP, "constant", AT_ONCE


def predict_rows(size: Size, record: Recorder) -> None:
    """Time and memory per volume of twice the patch's side, in turn; MONAI by default is the base.

    By default: its arguments as they are, one window at once, in float32 as torch computes it unless told
    otherwise, the volume and its map on the device. Also in our precision and with as many windows as ours.
    """
    packages("monai")
    from monai.inferers import sliding_window_inference

    image = np.random.default_rng(0).normal(size=(1, *[2 * size.patch] * 3)).astype(np.float32)
    patch = (size.patch,) * 3
    default = EAGER[1]

    def ours(training: Training) -> np.ndarray:
        return probability_map(lambda x: training.outputs(x).final, image, patch, Covered(), size.device)

    def monais(training: Training, at_once: int) -> np.ndarray:
        whole = torch.from_numpy(image)[None].to(size.device)
        with torch.no_grad():
            found = sliding_window_inference(
                whole, patch, at_once, lambda x: torch.sigmoid(training.outputs(x).final), overlap=OVERLAP
            )
        assert isinstance(found, torch.Tensor)
        return found[0].float().cpu().numpy()

    ways: dict[str, tuple[Setting, Callable[[Training], np.ndarray]]] = {
        "MONAI by default": (default, lambda training: monais(training, 1)),
        "MONAI, bf16, as many windows": (FAST, lambda training: monais(training, AT_ONCE)),
        "ours, bf16": (FAST, ours),
    }
    trainings = {setting.name: Training(setting, size) for setting, _ in ways.values()}
    for training in trainings.values():
        training.network.eval()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peaks, maps = {}, {}
    for _ in range(1 + ROUNDS):  # the first warms up
        for name, (setting, way) in ways.items():
            with switched(setting):
                forget_peak(size.device)
                synchronize(size.device)
                started = time.perf_counter()
                maps[name] = way(trainings[setting.name])
                synchronize(size.device)
                seconds[name].append(time.perf_counter() - started)
                peaks[name] = peak_gib(size.device)
    base = float(np.median(seconds["MONAI by default"][1:]))
    for name in ways:
        median = float(np.median(seconds[name][1:]))
        row: Row = {
            "way": name,
            "preset": size.preset,
            "side": 2 * size.patch,
            "patch": size.patch,
            "seconds": median,
            "times_as_fast": base / median,
            "peak_gib": peaks[name],
            "largest_difference": float(np.abs(maps[name] - maps["MONAI, bf16, as many windows"]).max()),
        }
        record("predict", row)
