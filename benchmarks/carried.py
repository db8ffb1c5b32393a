"""What a machine without a network lacks: this project's packages in one file, and archives in parts.

    python benchmarks/carried.py --python path/to/python3.12

installs what the workflow needs beside torch, numpy and scipy (which that machine must have) for the given
interpreter, which must have the version of the machine's, and packs it as .carried/packages.tar.xz: about 20
MB, without tests, nnU-Net and what only tables and figures need. The machine adds it to its path
(benchmarks/slices.py).
"""

import argparse
import atexit
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARRIED = Path(".carried")  # of the folder in which a script is called
PACKAGES = CARRIED / "packages.tar.xz"
# Names as constraints.txt has them, without what the machine brings. MONAI is there to be measured against.
WANTED = ("pandas", "nibabel", "blosc2", "pydantic", "pyyaml", "jaxtyping", "snakemake", "tqdm", "requests")
WITHOUT_DEPENDENCIES = ("monai",)
BROUGHT = ("torch", "numpy", "scipy", "triton")
_SKIPPED = (
    "tests",
    "test",
    "__pycache__",
    "solverdir",
    "bin",
    "include",
)  # solvers: Snakemake can do without


def pinned(brought: Sequence[str] = BROUGHT) -> list[str]:
    """Lines of constraints.txt, without those of packages that the machine brings in versions of its own."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0].strip().lower() not in brought]


def pack_packages(python: str, also: Sequence[str] = (), into: Path = PACKAGES) -> None:
    """Install the packages, and others by name, into a temporary folder and pack what a training needs."""
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site, pins = Path(folder) / "site", Path(folder) / "pins.txt"
        pins.write_text("\n".join(pinned()) + "\n", encoding="utf-8")
        pip = [python, "-m", "pip", "install", "--quiet", "--target", str(site)]
        subprocess.run([*pip, "--constraint", str(pins), *WANTED, *also], check=True)
        bare = [*pip, "--no-deps", "--constraint", str(pins)]
        subprocess.run([*bare, *WITHOUT_DEPENDENCIES], check=True)
        for name in BROUGHT:
            for path in (*site.glob(name), *site.glob(f"{name}.libs"), *site.glob(f"{name}-*.dist-info")):
                shutil.rmtree(path)
        for library in site.rglob("*.so*"):
            subprocess.run(["strip", "--strip-all", str(library)], check=False, stderr=subprocess.DEVNULL)
        pack(site, (path for path in sorted(site.rglob("*")) if path.is_file() and _needed(path, site)), into)


def _needed(path: Path, site: Path) -> bool:
    return not any(part in _SKIPPED for part in path.relative_to(site).parts[:-1])


def pack(root: Path, files: Iterable[Path], into: Path) -> None:
    """Write files below a root into one compressed archive, by their names relative to it."""
    with tarfile.open(into, "w:xz") as archive:
        for path in files:
            archive.add(path, str(path.relative_to(root)), recursive=False)


def unpack(archive: Path, into: Path) -> None:
    """Unpack an archive; a name that leads out of the folder is refused by tarfile's filter."""
    with tarfile.open(archive, "r:xz") as content:
        content.extractall(into, filter="data")


def packages(name: str) -> None:
    """Make the packages that were carried importable, here and in what this process starts, if need be.

    Args:
        name: the package that must be there; nothing happens where it is.

    Raises:
        FileNotFoundError: it is not there, and nothing was carried.
    """
    if importlib.util.find_spec(name) is not None:
        return
    if not PACKAGES.is_file():
        raise FileNotFoundError(
            f"{name} is not installed, and there is no {PACKAGES}: see benchmarks/carried.py"
        )
    site = Path(tempfile.mkdtemp(prefix="rsuper-packages-"))
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    unpack(PACKAGES, site)
    sys.path.append(str(site))
    paths = [str(ROOT), str(site), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


def split(path: Path, part_mib: float) -> list[Path]:
    """Cut a file into parts beside it, `name.00` and so on, and remove it: not every way takes large ones."""
    size = int(part_mib * 2**20)
    parts: list[Path] = []
    with path.open("rb") as stream:
        while block := stream.read(size):
            parts.append(path.with_name(f"{path.name}.{len(parts):02d}"))
            parts[-1].write_bytes(block)
    path.unlink()
    return parts


def joined(parts: Sequence[Path], into: Path) -> Path:
    """Put the parts of a file together again.

    Raises:
        FileNotFoundError: there is none, or one between the first and the last is missing.
    """
    ordered = sorted(parts)
    numbers = [int(path.suffix[1:]) for path in ordered]
    if not numbers or numbers != list(range(len(numbers))):
        raise FileNotFoundError(f"parts {numbers} of {into.name} are there: bring them all, from 00 on")
    with into.open("wb") as stream:
        for path in ordered:
            stream.write(path.read_bytes())
    return into


def main() -> None:
    """Pack the packages and say how large they are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter of the machine's version")
    parser.add_argument("--also", nargs="*", default=[], help="more packages: scikit-learn for CLIP-like")
    given = parser.parse_args()
    pack_packages(given.python, given.also)
    print(f"{PACKAGES}: {PACKAGES.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
