"""Train in child processes that are killed at random moments: `python -m tests.engine.killed FOLDER KILLS`.

The children are forked from a process that has torch loaded: each is training after a few milliseconds. At
the end stands, as JSON, what the kills met and the hashes of both trainings' weights.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from rsuper.engine.settings import Settings
from rsuper.engine.train import Stage, train
from tests.engine.scenes import Plan, digest, network, patches, segmentation

STEPS, RATE = 600, 0.01


def trained(folder):
    """A training whose network draws random numbers of its own, and keeps averaged weights."""
    model = network("dropout")
    torch.manual_seed(1)
    settings = Settings(ema=0.9, deterministic=True)
    train(model, patches, segmentation, Stage(STEPS, RATE, Plan(), "killed", settings), folder)
    return model


def life(folder):
    """Start a process that trains, or goes on; return its number."""
    child = os.fork()
    if child == 0:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        trained(folder)
        os._exit(0)
    return child


def step_reached(folder):
    """Steps that the state knows of; 0 before the first."""
    path = folder / "state.pt"
    return torch.load(path, weights_only=True)["progress"]["step"] if path.is_file() else 0


def main(folder, kills):
    trained(folder / "first")  # what torch loads when it first trains, every child has then
    started = time.perf_counter()
    os.waitpid(life(folder / "whole"), 0)
    whole_s = time.perf_counter() - started
    moments, reached, done = random.Random(0), [], 0
    while done < kills:
        child = life(folder / "killed")
        # Together they take less than half of the whole: no kill comes too late.
        time.sleep(moments.uniform(0, 0.8 * whole_s / kills))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the training was over before it was killed"
        reached.append(step_reached(folder / "killed"))
        done += 1
    os.waitpid(life(folder / "killed"), 0)
    hashes = []
    for name in ("whole", "killed"):
        model = network("dropout")
        model.load_state_dict(torch.load(folder / name / "weights.pt", weights_only=True))
        hashes.append(digest(model))
    files = {name: sorted(path.name for path in (folder / name).iterdir()) for name in ("whole", "killed")}
    sys.stdout.write(json.dumps({"reached": reached, "hashes": hashes, "files": files, "whole_s": whole_s}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), int(sys.argv[2]))
