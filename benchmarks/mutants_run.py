"""A mutant against tests, in a fork that has torch and the like already; part of `benchmarks/mutants.py`."""

import gc
import importlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

# What tests import from third parties: read once, here. Nothing of ours, which is what changes.
HEAVY = ["torch", "numpy", "scipy.ndimage", "scipy.stats", "pandas", "hypothesis.extra.numpy", "beartype"]
HEAVY += ["jaxtyping", "nibabel", "blosc2", "pydantic", "yaml", "sklearn.metrics", "tqdm", "monai.metrics"]
HEAVY += ["statsmodels.stats.multitest", "matplotlib.pyplot"]
CPU_SECONDS = 90  # the slowest package's tests take 30
# Plugins that are here before pytest are not rewritten, and it would warn of that.
OPTIONS = [
    "-x",
    "-q",
    "--hypothesis-seed=0",
    "-p",
    "no:xdist",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
]
MEMORY_BYTES = 12 * 2**30  # of addresses: `2 ** n` must not take the machine


def prepare(root: Path) -> None:
    """Import what is heavy, and let forks find our code in `root` alone."""
    for module in HEAVY:
        importlib.import_module(module)
    if "rsuper" in sys.modules:
        raise RuntimeError("rsuper is imported already: no mutant of it would be seen")
    sys.dont_write_bytecode = True  # two mutants of one second and size would share it
    sys.path.insert(0, str(root))
    os.environ.update(PYTHONPATH=str(root), OMP_NUM_THREADS="1")
    gc.freeze()


def run(root: Path, tests: Sequence[str]) -> tuple[str, str, float]:
    """Run tests until one fails.

    Returns:
        "survived", "killed" or "timeout" (of processor time, or of many times as much on the clock), the test
        that failed, and seconds of processor time.
    """
    shutil.rmtree(root / ".hypothesis", ignore_errors=True)  # examples that killed another mutant
    failed = root / "failed.txt"
    failed.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _test(root, tests, failed)
    status, late, seconds = _wait(child, 10 * CPU_SECONDS)
    if status == 0:
        return "survived", "", seconds
    if late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return "timeout", "", seconds
    return "killed", failed.read_text("utf-8") if failed.exists() else "(does not import)", seconds


def _test(root: Path, tests: Sequence[str], failed: Path) -> None:
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(root)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        code = int(pytest.main([*OPTIONS, *tests], [_First(failed)]))
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> tuple[int, bool, float]:
    """Wait for a fork, and after so many seconds end it and what it started; its status and seconds."""
    end, late = time.monotonic() + seconds, False
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            return status, late, used.ru_utime + used.ru_stime
        if not late and time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            late = True
        time.sleep(0.05)


class _First:
    """Writes down the first test that failed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.file.exists():
            self.file.write_text(report.nodeid, "utf-8")
