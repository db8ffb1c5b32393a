"""The faults: each disturbs a copy of the finished experiment, before a run of it or while it runs.

A fault of files first removes outputs whose making must read the damaged file, or removes none. A fault of
processes or of the machine removes the outputs of a random job, so that there is something to disturb.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.project import Ended, Project, descendants

RUN = "runs/full/segmentation/seed-0"
DAY_S = 86400
# Jobs in their order -> their outputs, below the results. To do a job again, those of all that follow go,
# too: so they are when a run was ended there.
CHAIN = {
    "cohort": ["data/*/cohort.csv", "data/*/findings.jsonl"],
    "preprocess": ["data/*/shards", "data/*/volumes"],
    "gather": ["data/*/volumes.csv"],
    "stage1": ["runs/full/segmentation-stage1/seed-0/run.json", "runs/full/segmentation-stage1/seed-0/model"],
    "fit": [f"{RUN}/run.json", f"{RUN}/model"],
    "predict": [f"{RUN}/predictions/*/predictions.csv"],
    "cases": [f"{RUN}/cases/*.csv"],
    "metrics": ["metrics.csv", "comparisons.csv", "supervision.json"],
    "table2": ["table2*"],
}
LATE = ["metrics", "table2"]  # what takes seconds
# Files -> the jobs that read them, or that find them when they are done again.
READ = {
    "raw/*/*/ct.nii.gz": ["preprocess", "cases"],
    "raw/*/*/segmentations/*.nii.gz": ["preprocess", "cases", "cohort"],
    "raw/*/metadata.csv": ["cohort"],
    "raw/*/reports.csv": ["cohort"],
    "data/*/cohort.csv": ["fit", "predict", "cases", "preprocess"],
    "data/*/findings.jsonl": ["fit", "cases", "metrics"],
    "data/*/volumes.csv": ["fit", "predict", "metrics"],
    "data/*/shards/*.jsonl": ["gather"],
    "data/*/shards/*.part": ["preprocess_again"],
    "data/*/volumes/*.b2nd": ["fit", "stage1", "predict"],
    "data/*/volumes/index.jsonl": ["fit", "predict", "metrics"],
    "runs/full/segmentation/seed-0/model/weights.pt": ["predict"],
    "runs/full/segmentation-stage1/seed-0/model/weights.pt": ["fit"],
    "runs/full/*/seed-0/model/training.json": ["predict", "record"],
    "runs/full/*/seed-0/model/log.jsonl": ["record"],
    "runs/full/*/seed-0/run.json": ["predict", "fit"],
    "runs/full/*/seed-0/key.json": ["fit", "record"],
    "runs/full/*/seed-0/predictions/*/*.nii.gz": ["cases"],
    "runs/full/*/seed-0/predictions/*/predictions.csv": ["cases"],
    "runs/full/*/seed-0/cases/*.csv": ["metrics"],
    "metrics.csv": ["table2"],
    "comparisons.csv": ["table2"],
    "supervision.json": ["table2"],
    "table2*": [],
}
# Jobs that are done again, but find what they had.
PARTLY = {
    "preprocess_again": ("gather", ["data/*/shards/*.jsonl", "data/*/volumes/*_00000001.*.b2nd"]),
    "record": ("predict", [f"{RUN}/run.json"]),
}


@dataclass(frozen=True)
class Disturbed:
    """What a fault did.

    Attributes:
        what: in words.
        during: how the call that it met ended; None where the fault came before any.
        missed: the call had ended before the fault came.
        refused: the machine refused something, and the call had to say so.
    """

    what: str
    during: Ended | None = None
    missed: bool = False
    refused: bool = False


Fault = Callable[[Project, random.Random], Disturbed]


def redo(project: Project, job: str) -> None:
    """Remove the outputs of a job, and of all that follow."""
    job, patterns = PARTLY.get(job, (job, []))
    names = list(CHAIN)
    for name in names[names.index(job) :]:
        patterns = [*patterns, *CHAIN[name]]
    for pattern in patterns:
        for path in project.results.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


# ------------------------------------------------------------------------------------------------- files


def _target(project: Project, chance: random.Random) -> tuple[Path, str]:
    """Choose a file and, three times of four, a job that meets it, which is to be done again."""
    read = READ
    if project.late:
        read = {pattern: [job for job in jobs if job in LATE] for pattern, jobs in READ.items()}
        read = {pattern: jobs for pattern, jobs in read.items() if jobs or not READ[pattern]}
    # Files of the data set are a fourth: behind most of them everything is done again.
    weights = [1 if pattern.startswith(("raw", "data")) else 2 for pattern in read]
    (pattern,) = chance.choices(list(read), weights)
    path = chance.choice(sorted(path for path in project.results.glob(pattern)))
    job = chance.choice(read[pattern]) if read[pattern] and chance.random() < 0.75 else ""
    return path, job


def _done_again(project: Project, path: Path, job: str) -> str:
    """Remove a job's outputs, but not the damaged file itself."""
    name = str(path.relative_to(project.results))
    if job:
        kept = path.read_bytes() if path.is_file() else None
        state = path.stat() if kept is not None else None
        redo(project, job)
        if kept is not None and state is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    return f"{name}, then {job or 'nothing'} again"


def removed(project: Project, chance: random.Random) -> Disturbed:
    """An artifact is gone."""
    path, job = _target(project, chance)
    path.unlink()
    return Disturbed(f"removed {_done_again(project, path, job)}")


def _rewritten(path: Path, content: bytes, chance: random.Random) -> str:
    """Write other content, half of the time without a trace in the file's time."""
    state = path.stat()
    path.write_bytes(content)
    if chance.random() < 0.5:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        return "with its old time"
    return "with a new time"


def truncated(project: Project, chance: random.Random) -> Disturbed:
    """An artifact ends early; half of the time at the end of a line."""
    path, job = _target(project, chance)
    content = path.read_bytes()
    end = chance.randrange(len(content))
    line = content.rfind(b"\n", 0, end)
    if chance.random() < 0.5 and line > 0:
        end = line + 1
    how = _rewritten(path, content[:end], chance)
    return Disturbed(f"cut at {end} of {len(content)} bytes {how}: {_done_again(project, path, job)}")


def flipped(project: Project, chance: random.Random) -> Disturbed:
    """One to three bytes of an artifact are others; of a text, a digit is another digit."""
    path, job = _target(project, chance)
    content = bytearray(path.read_bytes())
    places = list(range(len(content)))
    digits = [place for place in places if chr(content[place]) in "0123456789"]
    is_text = path.suffix in (".csv", ".json", ".jsonl", ".part", ".md", ".tex")
    number = chance.randint(1, 3)
    for place in chance.sample(digits if is_text and digits else places, number):
        if is_text:
            content[place] = ord(chance.choice([d for d in "0123456789" if ord(d) != content[place]]))
        else:
            content[place] ^= chance.randint(1, 255)
    how = _rewritten(path, bytes(content), chance)
    return Disturbed(f"{number} bytes flipped {how}: {_done_again(project, path, job)}")


# --------------------------------------------------------------------------------------------- processes


def _job_to_disturb(project: Project, chance: random.Random) -> str:
    job = chance.choice(
        LATE if project.late else [name for name in CHAIN if name not in ("cohort", "gather")]
    )
    redo(project, job)
    return job


def killed(project: Project, chance: random.Random) -> Disturbed:
    """kill -9 at a random moment: all processes, Snakemake alone, a job, or a process that a job started."""
    job = _job_to_disturb(project, chance)
    whom = chance.choice(["all", "snakemake", "job", "child"])
    process = project.start()
    log = project.log()
    _at_work(process, log, chance)
    while True:
        below = descendants(process.pid)
        jobs = [pid for pid, command in below if "/.snakemake/scripts/" in command or "tmp" in command]
        chosen = {"all": [process.pid], "snakemake": [process.pid], "job": jobs[:1], "child": jobs[1:]}[whom]
        if process.poll() is not None or chosen:
            break
        time.sleep(0.05)
    if process.poll() is not None:
        return Disturbed(f"kill {whom} while {job} is done again", missed=True)
    if whom == "all":
        _kill_all(process)
    else:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(chosen), signal.SIGKILL)
    return Disturbed(f"kill {whom} while {job} is done again", project.ended(process, log))


def twice(project: Project, chance: random.Random) -> Disturbed:
    """A second run is started in the folder while the first is at work."""
    job = _job_to_disturb(project, chance)
    first = project.start()
    log = project.log()
    time.sleep(chance.uniform(0, 6))
    ends = [project.run(), project.ended(first, log)]
    failed = [ended for ended in ends if ended.status != 0]  # either may be the one that finds the lock
    if len(failed) == 2:
        failed = [Ended(1, "both runs failed")]
    return Disturbed(f"a second run while {job} is done again", (failed or ends)[0], refused=bool(failed))


def halfway(project: Project, chance: random.Random) -> Disturbed:
    """A training is killed when it has a checkpoint; a file that it left is removed, cut or flipped."""
    redo(project, "fit")
    model = project.results / RUN / "model"
    process = project.start(cores=1)
    log = project.log()
    while process.poll() is None and not (model / "state.pt").is_file():
        time.sleep(0.02)
    _kill_all(process)
    project.ended(process, log)
    files = sorted(path for path in [*model.glob("*.pt"), model / "log.jsonl", model.parent / "key.json"])
    path = chance.choice([path for path in files if path.is_file()])
    name, content = str(path.relative_to(project.results)), path.read_bytes()
    how = chance.choice(["removed", "cut", "flipped"])
    if how == "removed":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: chance.randrange(len(content))])
    else:
        place = chance.randrange(len(content))
        path.write_bytes(
            content[:place] + bytes([content[place] ^ chance.randint(1, 255)]) + content[place + 1 :]
        )
    return Disturbed(f"{name} {how} after a kill at its first checkpoints", missed=not model.is_dir())


def _at_work(process: subprocess.Popen[str], log: Path, chance: random.Random) -> None:
    """Wait for a random moment: four times of five after the first job was started, else before or after."""
    if chance.random() < 0.8:
        while process.poll() is None and "Execute " not in log.read_text(encoding="utf-8", errors="replace"):
            time.sleep(0.05)
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0, 6))


def _kill_all(process: subprocess.Popen[str]) -> None:
    below = descendants(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid, _ in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# ----------------------------------------------------------------------------------------------- machine


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Mount something for a while."""
    _mount(*arguments, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disk(project: Project, chance: random.Random) -> Disturbed:
    """The disk of the results is so small that it is full at a random moment."""
    job = _job_to_disturb(project, chance)
    place = project.folder / "results"
    aside = place.with_name("results.aside")
    place.rename(aside)
    place.mkdir()
    used = sum(path.stat().st_blocks * 512 for path in aside.rglob("*"))
    room = chance.randrange(0, 400 * 1024)
    with mounted(place, "-t", "tmpfs", "-o", "size=1g", "tmpfs"):
        shutil.copytree(aside, place, dirs_exist_ok=True)
        used = sum(path.stat().st_blocks * 512 for path in place.rglob("*"))
        _mount("-o", f"remount,size={used + room}", str(place))
        ended = project.run()
        shutil.rmtree(aside)
        shutil.copytree(place, aside)
    place.rmdir()
    aside.rename(place)
    return _refused(f"{room // 1024} KiB of room while {job} is done again", ended)


def read_only(project: Project, chance: random.Random) -> Disturbed:
    """A folder may not be written: of the results, or the whole."""
    job = _job_to_disturb(project, chance)
    folders = [project.folder, project.results, project.results / "runs", project.results / "logs"]
    folder = chance.choice(folders)
    with mounted(folder, "--bind", str(folder)):
        _mount("-o", "remount,bind,ro", str(folder))
        ended = project.run()
    name = folder.relative_to(project.folder)
    return _refused(f"{name} read-only while {job} is done again", ended)


def _refused(what: str, ended: Ended) -> Disturbed:
    """What a machine did that had to refuse something: a run that ended well met nothing."""
    return Disturbed(what, ended, missed=ended.status == 0, refused=True)


def little_memory(project: Project, chance: random.Random) -> Disturbed:
    """From a random moment on, a job may have hardly more memory than it has."""
    job = _job_to_disturb(project, chance)
    process = project.start()
    log = project.log()
    time.sleep(chance.uniform(1, 8))
    more = chance.randrange(0, 64 * 2**20)
    limited = 0
    while process.poll() is None:
        for pid, command in descendants(process.pid):
            if "/scripts/" in command or "snakemake" in command:
                with suppress(OSError, IndexError):
                    now = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
                    if resource.prlimit(pid, resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
                        resource.prlimit(pid, resource.RLIMIT_AS, (now + more, now + more))
                        limited += 1
        time.sleep(0.3)
    ended = project.ended(process, log)
    what = f"{more // 2**20} MiB more memory for {limited} processes while {job} is done again"
    return _refused(what, ended)


def other_clock(project: Project, chance: random.Random) -> Disturbed:
    """A run sees a clock that is days off, or files have times of days off; half of the time it is killed."""
    job = _job_to_disturb(project, chance)
    days = chance.choice([-1, 1]) * chance.randint(1, 400)
    if chance.random() < 0.5 or shutil.which("faketime") is None:
        files = sorted(path for path in project.results.rglob("*") if path.is_file())
        for path in chance.sample(files, len(files) // 4):
            os.utime(path, (time.time() + days * DAY_S,) * 2)
        return Disturbed(f"a quarter of the files {days} days off, {job} again")
    process = project.start(wrapper=("faketime", "-f", f"{days:+d}d"))
    log = project.log()
    if chance.random() < 0.5:
        _at_work(process, log, chance)
        if process.poll() is None:
            _kill_all(process)
    return Disturbed(f"a clock {days} days off while {job} is done again", project.ended(process, log))


KINDS: dict[str, Fault] = {
    "kill -9": killed,
    "removed": removed,
    "truncated": truncated,
    "bytes flipped": flipped,
    "full disk": full_disk,
    "read-only folder": read_only,
    "memory limit": little_memory,
    "two runs": twice,
    "clock": other_clock,
    "halfway": halfway,
}
HALFWAY = "halfway"
AS_ROOT = ("full disk", "read-only folder")
