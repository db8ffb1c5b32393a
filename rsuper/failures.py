"""What a failed job said last: Snakemake's own message of the failure ends with it, wherever the job ran."""

import logging
import textwrap
from pathlib import Path

LINES = 15
_LONGEST = 3000  # letters of a line
_REASON = 160  # letters of why a job is run
_BYTES = 2**16  # of a log's end that are read


def last_lines(path: Path, lines: int = LINES) -> list[str]:
    """Return the end of a log as printable text; a file that is missing or empty has none."""
    try:
        with path.open("rb") as log:
            log.seek(max(path.stat().st_size - _BYTES, 0))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    kept = [line for line in text.splitlines() if line.strip()][-lines:]
    return ["".join(letter if letter.isprintable() else " " for letter in line)[:_LONGEST] for line in kept]


class LastLines(logging.Filter):
    """Adds to what Snakemake logs of a failed job the last lines of the job's log; passes everything.

    Long lists of files, which would hide what matters, are cut short where a job begins, and left out where
    it failed: they were named when it began.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record of a job that begins or has failed."""
        said = record.__dict__
        event = getattr(said.get("event"), "name", "")
        if event == "JOB_INFO" and said.get("rule_msg"):
            said["reason"] = textwrap.shorten(str(said.get("reason")), _REASON, placeholder=" ...")
        if event == "JOB_ERROR":
            said["input"] = []
            said["rule_msg"] = "the job's own words stand below"
            said["aux"] = dict(said.get("aux") or {})
            for name in said.get("log") or ():
                lines = "".join(f"\n        {line}" for line in last_lines(Path(name)))
                said["aux"][f"last lines of {name}"] = lines or "none: it ended before it wrote any"
        return True


def show_last_lines(logger: logging.Logger) -> None:
    """Let a logger add last lines, once."""
    if not any(isinstance(known, LastLines) for known in logger.filters):
        logger.addFilter(LastLines())
