"""Run the user's organ segmenter on one CT, in a process and an environment of its own."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from rsuper.config.organ_segmenter import PLACEHOLDER, OrganSegmenter
from rsuper.errors import ConfigError, DataError

MASKS, OUTPUT = "masks", "output.txt"  # in the folder of a case: what the command left, and what it printed
_ALONE = "ct"  # folder with the CT alone, as nnU-Net wants it
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
_SHOWN_LINES, _SHOWN_CHARACTERS = 3, 300


def run_command(settings: OrganSegmenter, ct: Path, folder: Path, threads: int) -> None:
    """Run the command on a CT. It leaves masks in `masks` below a new folder, and what it prints beside them.

    No shell reads the command: a path may hold any character.

    Raises:
        ConfigError: the program cannot be started, on this CT or any.
        DataError: it ended otherwise than with exit status 0, or took too long; with its last words.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed, or failed
    (folder / MASKS).mkdir(parents=True)
    paths = {"ct": ct, "ct_folder": folder / _ALONE, "folder": folder / MASKS}
    texts = {name: str(path.absolute()) for name, path in paths.items()}
    words = [PLACEHOLDER.sub(lambda match: texts[match[1]], word) for word in settings.command]
    if any("{ct_folder}" in word for word in settings.command):
        _put_alone(ct, folder / _ALONE)
    problem = _problem(words, _environment(settings, threads), folder / OUTPUT, settings.timeout_s)
    shutil.rmtree(folder / _ALONE, ignore_errors=True)
    if problem:
        raise DataError(f"the command {problem}; {_last_words(folder / OUTPUT)}")


def _put_alone(ct: Path, folder: Path) -> None:
    """Give the CT the name that nnU-Net expects of the first channel of a case."""
    folder.mkdir()
    target = folder / "case_0000.nii.gz"
    if ct.name.endswith(".gz"):
        target.symlink_to(ct.absolute())
        return
    with ct.open("rb") as source, gzip.open(target, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(source, packed)


def _environment(settings: OrganSegmenter, threads: int) -> dict[str, str]:
    """Our variables without those that lead a Python to our packages, and with the command's own."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    if sys.prefix != sys.base_prefix:  # `python` must not mean ours
        ours = Path(sys.prefix).resolve()
        parts = kept.get("PATH", "").split(os.pathsep)
        kept["PATH"] = os.pathsep.join(p for p in parts if not Path(p).resolve().is_relative_to(ours))
    return {**kept, "OMP_NUM_THREADS": str(threads), **settings.environment}


def _problem(words: list[str], environment: dict[str, str], output: Path, timeout_s: float) -> str:
    """Run a program with its output in a file, and say how it failed; blank where it did not."""
    with output.open("wb") as stream:
        try:
            process = subprocess.Popen(
                words,
                env=environment,
                stdin=subprocess.DEVNULL,  # whoever asks a question gets no answer, and ends
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(
                f"organ_segmenter: the program {words[0]!r} cannot be started ({error.strerror}); name it by "
                "its path, as in path/to/venv/bin/TotalSegmentator: our own environment is not searched"
            ) from None
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return f"took longer than timeout_s, {timeout_s:g} s"
    finally:
        if process.poll() is None:  # the program and all that it started
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if status < 0:
        return f"was killed by {signal.Signals(-status).name} (out of memory?)"
    return f"ended with exit status {status}" if status else ""


def _last_words(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = " | ".join([" ".join(line.split()) for line in lines if line.strip()][-_SHOWN_LINES:])
    if not shown:
        return "it printed nothing"
    return f"it printed last, in {output}: {shown[-_SHOWN_CHARACTERS:]}"
