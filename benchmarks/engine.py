"""What the engine costs beside what must be computed: its loop, its prediction, its waits for data.

    OMP_NUM_THREADS=1 python benchmarks/engine.py [--seconds 60] [--out engine.csv]

overhead   a training by `rsuper.engine.train` against a bare loop (loss, backward, clipping, AdamW) of the
           same network on the same batches, in turn step by step, checkpoints (twice as often as in the
           default experiment) and log included
predict    `probability_map` against MONAI's `sliding_window_inference` as it is called by default (and with
           our windows at once), the same volume, windows, weights and network, in turn
stall      share of a training's time that it waits for patches, made in the loop or by workers, from a store
           of random volumes that this benchmark writes to a temporary folder

Ratios of one run on one machine, of CPU time on one thread (stall: of the clock); times alone mean little.
`--only predict` runs one part.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from rsuper.config.experiment import Augment, Network, Predict, Preprocess, Schedule
from rsuper.data.batches import Batch, MaskBatch, PatchSource
from rsuper.data.mask_sampler import MaskSampler
from rsuper.data.store import StoredCase, index_case, write_case
from rsuper.engine import checkpoint
from rsuper.engine.predict import probability_map
from rsuper.engine.settings import Settings
from rsuper.engine.train import Stage, train
from rsuper.losses.segmentation import segmentation_loss
from rsuper.networks.build import build_network

Row = dict[str, object]
PATCH = (32, 24, 28)  # the default experiment's, with its network and patches per step
CHANNELS = (8, 24, 48, 96)
PATCHES = 4
TARGETS = ("pancreas", "kidney")
STALL_STEPS = 40
VOLUME, CASES = (96, 72, 96), 12
STEPS, BLOCK, WARM_UP = 100, 20, 3  # of a training that is timed, with a checkpoint and a line per block


def network() -> nn.Module:
    """Build the default experiment's network; always the same weights."""
    torch.manual_seed(0)
    return build_network("unet", 1, len(TARGETS), channels=list(CHANNELS))


def schedule(steps: int) -> Schedule:
    """Return the default experiment's schedule."""
    return Schedule(
        stage1_steps=steps,
        steps=steps,
        learning_rate=0.004,
        stage1_learning_rate=0.004,
        mask_patches=PATCHES,
        augment=Augment(gain=0.1, offset=0.1, noise=0.1),
        checkpoint_every=STEPS,
    )


def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Segmentation losses on both outputs."""
    assert batch.masks is not None
    terms: dict[str, Tensor] = {}
    for name, logits in zip(("final", "deep"), model(batch.masks.image), strict=True):
        found = segmentation_loss(logits, batch.masks.tumor, batch.masks.known)
        terms |= {f"{part}_{name}": value for part, value in found.items()}
    return terms


def batches(number: int) -> list[Batch]:
    """Batches of noise with a tumor in every patch."""
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(number):
        image = torch.randn(PATCHES, 1, *PATCH, generator=generator)
        tumor = torch.zeros(PATCHES, len(TARGETS), *PATCH, dtype=torch.bool)
        tumor[:, :, 10:14, 10:14, 10:14] = True
        cases = tuple(f"case_{k}" for k in range(PATCHES))
        made.append(Batch(MaskBatch(cases, image, tumor, torch.ones_like(tumor))))
    return made


class BareLoop:
    """Training as little more than torch itself does it."""

    def __init__(self) -> None:
        self.model = network().train()
        plan = schedule(1)
        rate, decay = plan.learning_rate, plan.weight_decay
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=decay)
        self.clip_norm = plan.clip_norm

    def step(self, batch: Batch) -> None:
        """Take one step."""
        total = torch.stack(list(loss(self.model, batch).values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()


def step_times(steps: int, settings: Settings) -> tuple[list[float], list[float]]:
    """CPU seconds of each step of a bare loop and of ours, in turn: other work meets both alike.

    Ours asks for a batch at the beginning of a step; a bare step is taken there, off its clock.
    """
    made, bare = batches(8), BareLoop()
    bares: list[float] = []
    ours: list[float] = []
    left: list[float] = []

    def batch_of(step: int) -> Batch:
        asked, batch = time.process_time(), made[step % len(made)]
        if left:
            ours.append(asked - left.pop())
        bares.append(elapsed(lambda: bare.step(batch)))
        left.append(time.process_time())
        return batch

    stage = Stage(steps + 1, schedule(steps).learning_rate, schedule(steps), "ours", settings)
    with tempfile.TemporaryDirectory() as folder:
        train(network(), batch_of, loss, stage, Path(folder))
    return bares[:-1], ours


def elapsed(call: Callable[[], object]) -> float:
    """CPU seconds of a call: what other work on the machine takes does not count."""
    started = time.process_time()
    call()
    return time.process_time() - started


def in_turn(calls: dict[str, Callable[[], object]], seconds: float, least: int = 3) -> dict[str, list[float]]:
    """CPU seconds of each call, all in turn (each round begins with another) until the time is up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    started = time.perf_counter()
    for number in itertools.count():
        if number >= least and time.perf_counter() - started > seconds:
            return times
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(elapsed(calls[name]))
    raise AssertionError("the count does not end")


def ratios(times: dict[str, list[float]], base: str) -> dict[str, tuple[float, float, float]]:
    """Median, least and largest ratio of a call's time to the base's of the same round."""
    found = {}
    for name, own in times.items():
        pairs = [one / other for one, other in zip(own, times[base], strict=True)]
        found[name] = statistics.median(pairs), min(pairs), max(pairs)
    return found


def overhead_rows(seconds: float) -> list[Row]:
    """Our loop against a bare one, in turn step by step, in blocks as long as from log line to log line."""
    step_times(WARM_UP, Settings())
    times: list[tuple[list[float], list[float]]] = []
    started = time.perf_counter()
    while not times or time.perf_counter() - started < seconds:
        times.append(step_times(STEPS, Settings()))
    bares, ours = (np.array([own[k] for own in times]).reshape(-1, BLOCK).sum(axis=1) for k in (0, 1))
    shares = ours / bares
    return [
        {
            "part": "overhead",
            "what": "ours over bare",
            "ratio": ours.sum() / bares.sum(),
            "median_of_blocks": float(np.median(shares)),
            "least": shares.min(),
            "largest": shares.max(),
            "bare_ms_per_step": 1000 * bares.sum() / (BLOCK * len(bares)),
            "steps": BLOCK * len(bares),
        }
    ]


def predict_rows(seconds: float) -> list[Row]:
    """Our sliding window against MONAI's, on one volume."""
    from monai.inferers import sliding_window_inference

    model = network().eval()
    image = np.random.default_rng(0).normal(size=(1, *VOLUME)).astype(np.float32)
    whole = torch.from_numpy(image)[None]
    settings = Predict(overlap=0.5, blend="constant", batch=4)

    def ours() -> np.ndarray:
        return probability_map(lambda window: model(window).final, image, PATCH, settings, "cpu")

    def monais(at_once: int) -> np.ndarray:
        with torch.no_grad():
            found = sliding_window_inference(
                whole, PATCH, at_once, lambda window: torch.sigmoid(model(window).final), overlap=0.5
            )
        assert isinstance(found, Tensor)
        return found[0].numpy()

    difference = float(np.abs(ours() - monais(4)).max())
    calls: dict[str, Callable[[], object]] = {
        "MONAI, one window at once": lambda: monais(1),
        "MONAI, as many as ours": lambda: monais(4),
        "ours": ours,
    }
    times = in_turn(calls, seconds)
    base = "MONAI, as many as ours"
    return [
        {
            "part": "predict",
            "what": name,
            "ratio": middle,
            "least": least,
            "largest": largest,
            "ms_per_volume": 1000 * statistics.median(times[name]),
            "rounds": len(times[name]),
            "largest_difference": difference,
        }
        for name, (middle, least, largest) in ratios(times, base).items()
    ]


@dataclass(frozen=True)
class RandomStore:
    """Cases of noise with organs and a tumor, as a store has them."""

    folder: Path

    def cases(self) -> list[StoredCase]:
        """Write the cases, and open them."""
        generator = np.random.default_rng(0)
        made = []
        for number in range(CASES):
            ct = generator.normal(60, 30, VOLUME).astype(np.int16)
            organs, tumors = np.zeros(VOLUME, np.uint8), np.zeros(VOLUME, np.uint8)
            organs[30:50, 30:44, 40:60], organs[60:75, 30:44, 40:60] = 4, 5
            tumors[35:41, 33:39, 45:51], tumors[62:68, 33:39, 45:51] = 1, 2
            name = f"case_{number}"
            write_case(self.folder, name, ct, organs, tumors)
            index = index_case(name, np.clip(ct, -80, 280), organs, tumors, TARGETS, (1.0, 1.0, 1.0))
            made.append(StoredCase(self.folder, index))
        return made


def stall_rows(seconds: float) -> list[Row]:
    """Waits for patches, made in the loop or by workers."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as root:
        window = Preprocess(clip_hu=(-80.0, 280.0), normalize="window")
        shape = Network(patch=PATCH, options={"channels": list(CHANNELS)})
        cases = RandomStore(Path(root) / "store").cases()
        for workers in (0, 1, 2):
            steps = 0
            stalled = spent = 0.0
            for number in itertools.count():
                plan = schedule(STALL_STEPS)
                source = PatchSource(TARGETS, window, shape, plan, seed=number)
                sampler = MaskSampler(source, cases)
                out = Path(root) / f"run-{workers}-{number}"
                stage = Stage(STALL_STEPS, 0.004, plan, "stall", Settings(workers=workers))
                train(network(), lambda step, own=sampler: Batch(own(step)), loss, stage, out)  # type: ignore[misc]
                summary = checkpoint.summary(out)
                stalled, spent = stalled + summary["stall_seconds"], spent + summary["seconds"]
                steps += STALL_STEPS
                if spent > seconds / 3:
                    break
            row: Row = {"part": "stall", "what": f"{workers} workers", "share": stalled / spent}
            rows.append({**row, "ms_per_step": 1000 * spent / steps, "steps": steps})
    return rows


PARTS: dict[str, Callable[[float], list[Row]]] = {
    "overhead": overhead_rows,
    "predict": predict_rows,
    "stall": stall_rows,
}


def main() -> None:
    """Measure, print, and write the rows where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each part, about")
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--out", type=Path, help="CSV of the rows")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            rows += part(arguments.seconds)
            sys.stdout.write(pd.DataFrame([row for row in rows if row["part"] == name]).to_string() + "\n\n")
            sys.stdout.flush()
    if arguments.out:
        pd.DataFrame(rows).to_csv(arguments.out, index=False)


if __name__ == "__main__":
    main()
