"""Run a function in several processes that train together, on this machine's CPU."""

import faulthandler
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist


def run_together(work: Callable[[], object], folder: Path, processes: int = 2, seconds: float = 120) -> None:
    """Call `work` in forked processes, joined by gloo; an error of one is the caller's."""
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=_joined, args=(work, folder, rank, processes, 0.9 * seconds))
        for rank in range(processes)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(seconds)
    left = [child for child in children if child.is_alive()]
    for child in left:
        child.kill()
        child.join()
    errors = "\n".join(path.read_text() for path in sorted(folder.glob("error-*")))
    assert not errors, errors
    stuck = "\n".join(path.read_text() for path in sorted(folder.glob("stuck-*")))
    assert not left, f"{len(left)} processes did not end; there they were:\n{stuck}"
    assert [child.exitcode for child in children] == [0] * processes


def _joined(work: Callable[[], object], folder: Path, rank: int, processes: int, patience_s: float) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    torch.set_num_threads(1)  # else it may wait for threads that were not forked with it
    faulthandler.dump_traceback_later(patience_s, file=(folder / f"stuck-{rank}").open("w"))
    try:
        store = f"file://{(folder / 'store').resolve()}"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=processes)
        work()
        dist.destroy_process_group()
    except BaseException:  # noqa: BLE001
        (folder / f"error-{rank}").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)
