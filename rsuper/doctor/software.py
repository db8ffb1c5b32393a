"""Python, the installed packages against their pins, torch, and the GPUs that it can use."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from rsuper.doctor.findings import FAIL, INSTALL, PASS, ROOT, WARN, Asked, Finding, answer

VERSION = (3, 11)
# In a process of its own: a build for another processor ends it by a signal.
TORCH = """
import json, torch
gpus = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
gpus = [[gpu.name, gpu.total_memory] for gpu in gpus]
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "gpus": gpus}))
"""


def python(asked: Asked) -> list[Finding]:
    """Compare the version of Python with the one that the pins are for."""
    own = Path(sys.prefix) == ROOT / ".venv"
    seen = f"{platform.python_version()}, {'of .venv' if own else 'not of .venv: ' + sys.executable}"
    if sys.version_info[:2] != VERSION:
        return [Finding(FAIL, "python", f"{seen}; 3.11 is needed", "make setup PYTHON=python3.11")]
    if not own and (ROOT / ".venv" / "bin" / "python").exists():
        return [Finding(WARN, "python", seen, "make doctor")]
    return [Finding(PASS, "python", seen)]


def packages(asked: Asked) -> list[Finding]:
    """Compare every installed package with its pin; what the workflow itself needs must be there."""
    pins = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    installed = {name: _version(name) for name in pins}
    if not any(installed.values()):
        return [Finding(FAIL, "packages", f"none of the {len(pins)} pinned packages is here", "make setup")]
    needed = _closure(_dependencies())
    wrong = {name: version for name, version in installed.items() if version and version != pins[name]}
    missing = sorted(name for name in needed & set(pins) if not installed[name])
    problems = [f"{name} {version} (pinned: {pins[name]})" for name, version in sorted(wrong.items())]
    problems += [f"{name} is missing (pinned: {pins[name]})" for name in missing]
    if not problems:
        return [Finding(PASS, "packages", f"{sum(map(bool, installed.values()))} as pinned")]
    level = FAIL if missing or needed & set(wrong) else WARN  # else of tests and development alone
    conda = (Path(sys.prefix) / "conda-meta").is_dir()
    fix = "python -m pip install -c constraints.txt -e ." if conda else INSTALL
    return [Finding(level, "packages", ", ".join(problems), fix)]


def pinned(lines: Iterable[str]) -> dict[str, str]:
    """Versions of constraints.txt, by name as the index spells it."""
    parts = (line.partition("#")[0].strip().partition("==") for line in lines)
    return {_spelled(name): version for name, mark, version in parts if mark}


def torch(asked: Asked) -> list[Finding]:
    """Import torch, and compare the GPUs that it can use with those that jobs will be given."""
    from rsuper.devices import visible_devices

    done, said = answer([sys.executable, "-c", TORCH])
    if not done:
        return [Finding(FAIL, "torch", f"cannot be imported: {said}", INSTALL)]
    found = json.loads(said.splitlines()[-1])
    seen = f"{found['version']}, " + (f"for CUDA {found['cuda']}" if found["cuda"] else "for CPUs")
    return [Finding(PASS, "torch", seen), _gpus(visible_devices(), found["gpus"], asked)]


def _gpus(visible: list[str], usable: list[list[object]], asked: Asked) -> Finding:
    """What rsuper/devices.py will do with the GPUs of this machine."""
    on_cpu = f"CUDA_VISIBLE_DEVICES= make table2 {asked.make}"
    if asked.profile:
        return Finding(PASS, "gpu", f"{len(visible)} here; on a cluster each job gets those of its node")
    if not visible:
        return Finding(PASS, "gpu", "none seen: networks run on the CPU")
    if len(usable) < len(visible):
        seen = f"{len(visible)} seen, and jobs would be given them, but torch can use {len(usable)}"
        return Finding(FAIL, "gpu", f"{seen}: install torch for this driver, or run on the CPU", on_cpu)
    names = ", ".join(f"{name} ({_gib(memory):.0f} GiB)" for name, memory in usable)
    return Finding(PASS, "gpu", f"{names}; each job takes one, {len(visible)} at once at most")


def _gib(number: object) -> float:
    return float(str(number)) / 2**30


def _dependencies() -> set[str]:
    """What pyproject.toml names as needed; without extras."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {_name(text) for text in project["dependencies"]}


def _closure(names: set[str]) -> set[str]:
    """Packages with all that they need, as far as they are installed to tell; extras left out."""
    found: set[str] = set()
    pending = set(names)
    while pending:
        name = pending.pop()
        found.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        # Markers name systems and versions; what is not pinned is not for this one.
        pending |= {_name(text) for text in needs if "extra ==" not in text} - found
    return found


def _name(requirement: str) -> str:
    return _spelled(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def _spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _version(name: str) -> str:
    """Installed version without its local part (2.13.0+cpu); blank where it is missing."""
    try:
        return (importlib.metadata.version(name) or "").partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""
