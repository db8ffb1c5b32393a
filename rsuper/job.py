"""How a workflow script runs: alone, on its own devices, output to its log, user errors as one paragraph."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from rsuper.devices import lent
from rsuper.errors import RsuperError
from rsuper.locks import alone
from rsuper.provenance.jobs import recorded
from rsuper.refusals import refusal


def run(main: Callable[[Any], None], snakemake: Any) -> None:
    """Run a script's `main` with everything it prints in the rule's log.

    A job of a Snakemake that was killed may still be running: the one that takes its place waits for it.
    An error that is the user's to mend, or that the machine caused, leaves its message alone in the log; any
    other its traceback, because it is ours. Snakemake shows the log's end on the terminal, and the job
    itself what cannot be written there.
    What was done leaves a record.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(snakemake.threads))
    path = Path(snakemake.log[0])
    try:
        _run_logged(main, snakemake, path)
    except Exception as error:  # noqa: BLE001
        told = error if isinstance(error, RsuperError) else refusal(error, path.parent)
        text = traceback.format_exc() if told is None else f"{type(told).__name__}: {told}\n"
        try:
            with path.open("a", encoding="utf-8") as log:
                log.write(text)
        except OSError:  # the full disk may be the log's
            sys.stderr.write(f"\n{text}(rule {snakemake.rule}, log {path})\n\n")
        raise SystemExit(1) from None


def _run_logged(main: Callable[[Any], None], snakemake: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    gpus = int(snakemake.resources.get("gpu", 0))
    with (
        alone(path.with_name(f".{path.stem}.lock")),
        path.open("w", encoding="utf-8", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
        lent(gpus),
        recorded(snakemake),
    ):
        main(snakemake)
