"""What runs here: code, packages, processor. No host, no user, no address of a repository."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import rsuper

ROOT = Path(__file__).resolve().parent.parent
CODE = ("Snakefile", "workflow", "rsuper", "methods")
PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "nibabel",
    "blosc2",
    "pandas",
    "scikit-learn",
    "statsmodels",
    "matplotlib",
    "nnunetv2",
    "snakemake",
)


def versions() -> dict[str, str]:
    """Versions of this suite, of Python, and of the packages that can change numbers."""
    own = {"rsuper-bench": rsuper.__version__, "python": platform.python_version()}
    return own | {name: found for name in PACKAGES if (found := _version(name))}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # whatever needs it does not run here
        return ""


def checkout(root: Path = ROOT) -> dict[str, object]:
    """Commit of the checkout, and whether the code that runs is another.

    Returns: `commit`, "unknown" outside a checkout of its own (a folder below somebody else's is none);
        `dirty`, whether a file of the code differs from the commit or is not in it (None: unknown);
        `changed`, the first ten of these.
    """
    try:
        top, head = _git(root, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if Path(top).resolve() != root.resolve():
            return {"commit": "unknown", "dirty": None, "changed": []}
        lines = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *CODE).splitlines()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": None, "changed": []}
    changed = [line[3:] for line in lines]
    return {"commit": head, "dirty": bool(changed), "changed": changed[:10]}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()


def processor() -> dict[str, object]:
    """The machine's processor and memory."""
    return {
        "machine": platform.machine(),
        "cpu": _model(),
        "cpu_count": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
    }


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
