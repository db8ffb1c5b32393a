"""An experiment on a machine that is lent for minutes and has no network: some of its runs at a time.

    python benchmarks/slices.py bring --experiment config/phantom_fine.yaml --runs full/r_super
    python benchmarks/slices.py run --runs full/r_super --minutes 7.5 --out folder [--until fit]
    python benchmarks/slices.py take folder

`bring`, here: what these runs start from (first stages that came back from an earlier slice) into .carried/,
beside the packages (benchmarks/carried.py). `run`, there: makes the phantoms, then the runs, by the ordinary
workflow; what is finished when the time is over comes back in the folder, in parts of few MB, with the
workflow's log. It needs Python, torch, numpy and scipy, .carried/ and this repository. `take`, here: puts it
below results/. When all runs came back, the tables are made here:

    make table2 CONFIG=config/phantom_fine.yaml ARGS="--rerun-triggers mtime"

A run is BUDGET/METHOD or BUDGET/METHOD/SEED (else the experiment's first seed). Probability maps, volumes and
the states of trainings stay behind; weights come back of runs that others start from.
results/ and .carried/ are those of the folder in which it is called.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds its other files

from benchmarks.carried import CARRIED, ROOT, joined, pack, packages, split, unpack
from rsuper.errors import ArtifactError, RsuperError

STATE = "state.tar.xz"
LEFT_BEHIND = (".b2nd", ".gz", ".pt", ".npy")
DATA = ("cohort.csv", "volumes.csv")
PACKING_S = 40.0  # kept for packing what came out


def snakemake(experiment: Path, targets: Sequence[Path], log: Path, until: float, *options: str) -> bool:
    """Run the workflow until the targets are there or the time is over; say whether they are."""
    cores = len(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--cores", str(cores), "--scheduler", "greedy"]
    command += ["--keep-going", "--rerun-triggers", "mtime", "--config", f"experiment={experiment}"]
    command += [*options, "--", *map(str, targets)]
    with log.open("a", encoding="utf-8") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
        try:
            process.wait(max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a training has checkpoints, the rest is cheap
            process.wait()
    return all(target.is_file() for target in targets)


def run(experiment: Path, names: Sequence[str], minutes: float, out: Path, last: str) -> bool:
    """Make phantoms and runs, and pack what came out, whatever happens; say whether all runs are there."""
    from rsuper.artifacts import Layout, cases_table, run_record
    from rsuper.config.load import load_experiment

    until = time.monotonic() + 60 * minutes - PACKING_S
    loaded = load_experiment(experiment)
    layout = Layout.of(loaded.name)
    runs = [layout.run(*parts) for parts in _parts(names, loaded.seeds[0])]
    sets = ["validation", *loaded.test_sets]
    ends = [run_record(path) for path in runs]
    if last == "cases":
        ends = [cases_table(path, test_set) for path in runs for test_set in sets]
    log = out / "snakemake.log"
    complete = False
    try:
        data = [layout.volumes(name) for name in loaded.datasets]
        if snakemake(experiment, data, log, until):
            _restore()  # after the data: what is older than its input would be made anew
            complete = snakemake(experiment, ends, log, until)
    finally:
        files = list(_came_out(layout.root, set(_upstream(names))))
        pack(Path(), files, out / STATE)
        split(out / STATE, 15)
    print(f"{sum(end.is_file() for end in ends)} of {len(ends)} artifacts asked for are there")
    return complete


def _parts(names: Sequence[str], seed: int) -> list[tuple[str, str, str]]:
    parts = [(*name.split("/"), str(seed))[:3] for name in names]
    wrong = [name for name, part in zip(names, parts, strict=True) if len(part) != 3]
    if wrong:
        sys.exit(f"run {wrong[0]!r}: expected BUDGET/METHOD or BUDGET/METHOD/SEED")
    return [(budget, method, number) for budget, method, number in parts]


def _upstream(names: Sequence[str]) -> Iterator[str]:
    """Methods that those of the runs start from."""
    from rsuper.methods import with_upstream

    for method in with_upstream({name.split("/")[1] for name in names}).values():
        yield from method.needs


def _came_out(root: Path, sources: set[str]) -> Iterator[Path]:
    """Files of finished runs, of data sets and of logs; weights where others start from them."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if not path.is_file() or parts[0] == "raw" or parts[2:3] == ("shards",):
            continue
        if parts[0] == "runs":
            folder = root.joinpath(*parts[:4])
            weights = path.name == "weights.pt" and parts[2] in sources
            finished = (folder / "run.json").is_file()
            if finished and (weights or path.suffix not in LEFT_BEHIND):
                yield path
        elif path.suffix not in LEFT_BEHIND:
            yield path


def _restore() -> None:
    """Put what was carried in place, as if it had been made now."""
    parts = sorted(CARRIED.glob(f"{STATE}.*"))
    if parts:
        with tempfile.TemporaryDirectory() as folder:
            archive = joined(parts, Path(folder) / STATE)
            unpack(archive, Path(folder) / "state")
            _place(Path(folder) / "state")


def _place(state: Path) -> None:
    """Put files in place; what is there already and the same stays as it is, older than what was made of it.

    Raises:
        ArtifactError: an earlier slice had other data.
    """
    now = time.time()
    for path in sorted(state.rglob("*")):
        if path.is_file():
            target = path.relative_to(state)
            if target.is_file() and target.read_bytes() == path.read_bytes():
                continue
            if target.name in DATA and target.is_file():
                raise ArtifactError(
                    f"{target}: an earlier slice had other data than this one, so their runs do not belong "
                    "together: take this slice into another folder, or remove what the other one brought"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (now, now))


def bring(experiment: Path, names: Sequence[str]) -> None:
    """Pack first stages of the runs' budgets and seeds that are here already."""
    from rsuper.artifacts import Layout
    from rsuper.config.load import load_experiment

    loaded = load_experiment(experiment)
    layout = Layout.of(loaded.name)
    for old in CARRIED.glob(f"{STATE}.*"):
        old.unlink()
    folders = {
        layout.run(budget, method, seed)
        for budget, _, seed in _parts(names, loaded.seeds[0])
        for method in _upstream(names)
    }
    there = [folder for folder in sorted(folders) if (folder / "run.json").is_file()]
    files = [path for folder in there for path in sorted(folder.rglob("*")) if path.is_file()]
    if files:
        CARRIED.mkdir(exist_ok=True)
        pack(Path(), files, CARRIED / STATE)
        split(CARRIED / STATE, 15)
    total = sum(path.stat().st_size for path in CARRIED.glob("*")) / 2**20
    print(f"{len(there)} of {len(folders)} first stages, {total:.1f} MiB in .carried/ with the packages")


def take(folder: Path) -> None:
    """Put what came back below results/."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = joined(list(folder.glob(f"{STATE}.*")), Path(temporary) / STATE)
        unpack(archive, Path(temporary) / "state")
        _place(Path(temporary) / "state")


def main() -> None:
    """Bring, run or take."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["bring", "run", "take"])
    parser.add_argument("folder", type=Path, nargs="?", help="what came back (take)")
    parser.add_argument("--experiment", type=Path, default=Path("config/phantom_fine.yaml"))
    parser.add_argument("--runs", default="", help="BUDGET/METHOD[/SEED], by commas")
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--out", type=Path, help="folder for what comes back (run)")
    parser.add_argument("--until", choices=["fit", "cases"], default="cases", help="last step of a run")
    given = parser.parse_args()
    names = [name for name in given.runs.split(",") if name]
    if given.what == "take":
        if given.folder is None:
            sys.exit("say where what came back lies: take FOLDER")
        take(given.folder)
        return
    if not names:
        sys.exit("say which runs: --runs few/segmentation,few/r_super")
    if given.what == "bring":
        bring(given.experiment, names)
        return
    if given.out is None:
        sys.exit("say where to put what comes out: --out folder")
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    packages("snakemake")
    complete = run(given.experiment, names, given.minutes, given.out, given.until)
    sys.exit(int(not complete))


if __name__ == "__main__":
    try:
        main()
    except (OSError, RsuperError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
