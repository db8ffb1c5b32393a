"""Memory against what jobs ask for, locks of a killed Snakemake, and whether results can be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rsuper.doctor.findings import FAIL, PASS, WARN, Asked, Finding

if TYPE_CHECKING:
    from rsuper.config.experiment import Experiment

SMALL_MB = 1600  # results/reference/phantom: the largest job of the default experiment
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def memory(asked: Asked) -> list[Finding]:
    """Compare this machine's memory with what jobs take, where it was measured, or ask for."""
    from rsuper.config.dataset import MADE
    from rsuper.config.load import load_experiment
    from rsuper.doctor.disk import layout_of

    experiment = load_experiment(asked.config)
    demands = demanded_mb(experiment)
    job = max(demands, key=lambda name: demands[name])
    if asked.profile:
        return [Finding(PASS, "memory", f"a job asks the cluster for up to {demands[job]} MB ({job})")]
    taken = measured_mb(layout_of(asked.config) / "benchmarks")
    if taken:
        largest, source = taken, "took when it was last run here"
    elif {dataset.source for dataset in experiment.datasets.values()} <= set(MADE) and (
        experiment.network.name == "unet"
    ):
        largest, source = SMALL_MB, "takes (as measured on the default experiment)"
    else:
        largest, source = demands[job], f"may ask for ({job})"
    here, cores = memory_mb(), len(os.sched_getaffinity(0))
    seen = f"{here} MB, {cores} cores; {largest} MB is what the largest job {source}, {cores} run at once"
    fix = f'make table2 {asked.make} ARGS="--cores {max(here // largest, 1)}"'
    if here >= cores * largest:
        return [Finding(PASS, "memory", seen)]
    if here >= largest:
        return [Finding(WARN, "memory", f"{seen}: together more than there is", fix)]
    return [Finding(WARN if "ask" in source else FAIL, "memory", f"{seen}: more than there is", fix)]


def measured_mb(benchmarks: Path) -> int:
    """Peak memory of the largest job that Snakemake measured; 0 where no training was."""
    peaks = []
    for path in benchmarks.rglob("*.tsv"):
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        place = rows[0].index("max_rss") if rows and "max_rss" in rows[0] else -1
        peaks += [float(row[place]) for row in rows[1:] if place >= 0 and row[place] not in ("-", "NA")]
    return int(max(peaks)) + 1 if peaks and (benchmarks / "fit").is_dir() else 0


def demanded_mb(experiment: Experiment) -> dict[str, int]:
    """Memory that each kind of job asks for: what the experiment says, else the cards of its methods."""
    from rsuper.doctor.experiment import rows_of
    from rsuper.methods import with_upstream

    named = [*rows_of(experiment), *experiment.controls]
    cards = [method.card for method in with_upstream(named).values()]
    demands = {}
    for name in type(experiment.resources).model_fields:
        value = getattr(experiment.resources, name).mem_mb
        demands[name] = value or max(card.resources.mem_mb for card in cards)
    return demands


def memory_mb() -> int:
    """Memory that processes here may use: the machine's, or a container's share of it."""
    here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in map(Path, LIMITS):
        text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        here = min(here, int(text)) if text.isdecimal() else here
    return here // 2**20


def lock(asked: Asked) -> list[Finding]:
    """Tell whether another Snakemake works in this folder, or was killed in it."""
    from rsuper.session import found_locks

    running, left = found_locks()
    if running:
        seen = f"another Snakemake is at work in this folder ({', '.join(running)}): wait for it"
        return [Finding(WARN, "lock", seen)]
    if left:
        seen = (
            "a Snakemake that ran in this folder was killed and left its lock; what it had finished is kept"
        )
        return [Finding(FAIL, "lock", seen, f"make unlock {asked.make}")]
    return [Finding(PASS, "lock", "none")]


def results(asked: Asked) -> list[Finding]:
    """Write, and take away, a file in every folder that jobs write to."""
    from rsuper.doctor.disk import layout_of
    from rsuper.errors import RsuperError
    from rsuper.refusals import cannot_write, refuse_the_future

    root = layout_of(asked.config)
    why = cannot_write([root, *root.glob("*/"), Path(".snakemake")])
    if why:
        return [Finding(FAIL, "results", why, f"chmod -R u+rwX {root}")]
    try:
        refuse_the_future(root, [root, *(path for path in root.glob("*/") if path.is_dir())])
    except RsuperError as error:
        return [Finding(FAIL, "results", str(error), f"find {root} -newermt now -exec touch {{}} +")]
    return [Finding(PASS, "results", f"{root} can be written")]
