"""What a training step costs on a GPU, and where the time goes.

    python benchmarks/gpu.py --out folder [--parts train,ball] [--device cpu --preset eighth --patch 32]

MedFormer on patches that lie on the device: no data pipeline. Parts, each with its rows printed and appended
to gpu.jsonl in the folder as soon as they are measured:

equal     loss terms, their gradients and the assignment on the GPU against the CPU
train     segmentation step: float32 as the authors train (their code forbids mixed precision), TF32, bf16;
          time and peak memory
r_super   R-Super step (half of the patches have reports) against a segmentation step of the same batch, and
          how often each makes the host wait for the device, by the number of tumors
ball      localization of balls against direct convolution
profile   kernels by their time, and the floor of a step: operations and bytes over what the device can do
predict   a volume by our sliding window against MONAI's; MONAI comes with .carried/ (benchmarks/carried.py)
layers    the costly layers one by one, in several ways, against their own floors
compile   segmentation step, parts or all of it under torch.compile; not among the default parts, for it may
          take minutes: run it last, under a time limit

Needs torch, numpy, scipy and jaxtyping alone, `predict` MONAI as well.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds its other files

from benchmarks.gpu_layers import layer_rows
from benchmarks.gpu_losses import ball_rows, equal_rows
from benchmarks.gpu_predict import predict_rows
from benchmarks.gpu_profile import profile_rows
from benchmarks.gpu_steps import Size, compile_rows, report_rows, train_rows
from benchmarks.gpu_timing import Recorder, machine

PARTS: dict[str, Callable[[Size, Recorder], None]] = {
    "equal": equal_rows,
    "train": train_rows,
    "r_super": report_rows,
    "ball": ball_rows,
    "profile": profile_rows,
    "predict": predict_rows,
    "layers": layer_rows,
    "compile": compile_rows,
}
DEFAULT = tuple(name for name in PARTS if name != "compile")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for gpu.jsonl")
    parser.add_argument("--parts", default=",".join(DEFAULT), help=f"some of {', '.join(PARTS)}, by commas")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--patch", type=int, default=128, help="side in voxels")
    parser.add_argument("--patches", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=10)
    return parser.parse_args()


def main() -> None:
    """Measure the parts that are asked for."""
    arguments = parsed()
    unknown = set(arguments.parts.split(",")) - set(PARTS)
    if unknown:
        sys.exit(f"unknown parts {sorted(unknown)}; known: {', '.join(PARTS)}")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "there is no GPU here; --device cpu --preset eighth --patch 32 shows that the benchmark runs"
        )
    size = Size(arguments.preset, arguments.patch, arguments.patches, arguments.device, arguments.repeats)
    record = Recorder(arguments.out)
    record("machine", machine(size.device))
    failed = False
    for name in arguments.parts.split(","):
        started = time.perf_counter()
        reason = attempt(PARTS[name], size, record)
        failed |= bool(reason)
        record("done", {"name": name, "seconds": time.perf_counter() - started, "reason": reason})
    sys.exit(int(failed))


def attempt(part: Callable[[Size, Recorder], None], size: Size, record: Recorder) -> str:
    """Run a part; one that fails must not cost the others the machine: its reason is returned."""
    try:
        part(size, record)
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


if __name__ == "__main__":
    main()
