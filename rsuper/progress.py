"""How far a long job is: a bar with time left on a terminal, and one line a minute in a log.

A job of the workflow writes to its log, and shows a bar too where its Snakemake runs on a terminal. Of jobs
side by side one shows its bar there: who holds the terminal, until it is done. What is printed are names,
counts and times; never give it the name of a case.
"""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TextIO, TypeVar

Item = TypeVar("Item")

LINE_S = 60.0  # between two lines of a log
BAR_S = 1.0  # between two looks at the terminal
POLL_S = 2.0  # between two looks at what another process does


class Meter:
    """Counts what is done of a job, and says so; a context that ends the bar.

    The last line, where all went well, tells how long it took.
    """

    def __init__(
        self,
        name: str,
        total: int | None = None,
        unit: str = "cases",
        *,
        done: int = 0,
        note: Callable[[], str] | None = None,
    ) -> None:
        """Begin.

        Args:
            name: of what is done; of no patient.
            total: how many there are; None: that is not known.
            unit: what is counted.
            done: how many were done before, by a job that was killed.
            note: asked for more whenever a line is written.
        """
        self.name, self.total, self.unit, self.note = name, total, unit, note
        self.done = self._before = done
        self._started = self._lined = self._looked = time.monotonic()
        self._bar: _Bar | None = None

    def step(self, number: int = 1) -> None:
        """Count some more as done."""
        self.done += number
        now = time.monotonic()
        if now - self._looked >= BAR_S:
            self._looked = now
            self._show()
        if now - self._lined >= LINE_S and self.done != self.total:  # else the last line comes
            self._lined = now
            self._write(self.line(now - self._started))

    def reach(self, done: int) -> None:
        """Say how many are done by now."""
        self.step(max(done - self.done, 0))

    def line(self, seconds: float) -> str:
        """Tell how far it is after so many seconds."""
        text = f"{self.name}: {self.done}"
        if self.total:
            text += f"/{self.total} {self.unit} ({self.done / self.total:.0%})"
            new = self.done - self._before
            if new and self.done < self.total:
                text += f", {clock((self.total - self.done) * seconds / new)} left"
        else:
            text += f" {self.unit}"
        return f"{text}, {self.note()}" if self.note else text

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None:
            seconds = time.monotonic() - self._started
            self._write(f"{self.line(seconds)}, took {clock(seconds)}")

    def _show(self) -> None:
        if self._bar is None:
            terminal = _held_terminal()
            if terminal is not None:
                self._bar = _Bar(terminal, self)
        if self._bar is not None:
            self._bar.draw(self.done)

    def _write(self, text: str) -> None:
        """Write a line to the log; a terminal has the bar."""
        if not sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")


def tracked(
    items: Iterable[Item], name: str, total: int | None = None, unit: str = "cases"
) -> Iterator[Item]:
    """Yield items, counting each as done when the next is asked for; arguments as of `Meter`."""
    known = len(items) if total is None and isinstance(items, Collection) else total
    with Meter(name, known, unit) as meter:
        for item in items:
            yield item
            meter.step()


@contextmanager
def polled(name: str, total: int | None, count: Callable[[], int], unit: str = "cases") -> Iterator[Meter]:
    """Ask every other second how much is done, while something else does it.

    Args:
        name: as of `Meter`, like `total` and `unit`.
        total: how many there will be.
        count: how many there are; an OSError or ValueError counts as no answer.
        unit: what is counted.
    """
    over = threading.Event()

    def look() -> None:
        with suppress(OSError, ValueError):  # ValueError: a line that is being written
            meter.reach(count())

    def watch() -> None:
        while not over.wait(POLL_S):
            look()

    with Meter(name, total, unit) as meter:
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield meter
        finally:
            over.set()
            thread.join()
        look()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


class _Bar:
    """A bar of tqdm's on a terminal. The cursor waits at its beginning: what others print goes over it."""

    def __init__(self, terminal: TextIO, meter: Meter) -> None:
        from tqdm import tqdm  # where there is no terminal, nobody waits for it

        tqdm.monitor_interval = 0  # a thread of its own
        self._terminal = terminal
        told = os.get_terminal_size(terminal.fileno()).columns > 0  # some do not tell
        self._bar: Any = tqdm(
            desc=meter.name,
            total=meter.total,
            initial=meter._before,
            unit=f" {meter.unit}",
            file=_Overwritten(terminal),
            leave=False,
            ncols=None if told else 80,
            dynamic_ncols=told,
            mininterval=0,
            smoothing=0,  # the mean, as the lines have it
        )
        self._bar.start_t -= time.monotonic() - meter._started

    def draw(self, done: int) -> None:
        """Show how many are done."""
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Wipe the bar, and let another job have the terminal."""
        self._bar.close()
        fcntl.flock(self._terminal, fcntl.LOCK_UN)  # a forked process may have it open, too
        self._terminal.close()


class _Overwritten:
    """A terminal that is left with the cursor at the beginning of the line."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    def write(self, text: str) -> None:
        self._terminal.write(f"{text}\r")

    def flush(self) -> None:
        self._terminal.flush()

    def fileno(self) -> int:
        return self._terminal.fileno()


def _held_terminal() -> TextIO | None:
    """The terminal that this process was started on, if no other job shows a bar there."""
    try:
        if sys.__stderr__ is None or not sys.__stderr__.isatty():
            return None
        name = os.ttyname(sys.__stderr__.fileno())
        descriptor = os.open(name, os.O_WRONLY | os.O_NOCTTY)
    except (OSError, ValueError):  # ValueError: a stream that was closed
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "w", encoding="utf-8")
