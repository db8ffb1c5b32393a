"""What was measured stays measured: thousands of CTs take hours, and a job may be killed or repeated."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rsuper.artifacts import write_lines

Row = dict[str, object]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Journal:
    """A file of JSON lines: facts about a case under the hash of its files, as far as a job came.

    `version` names the code that measured; lines of another version are not read.
    """

    path: Path
    version: str

    def read(self) -> dict[str, list[Row]]:
        """Return the facts by hash; a line that a kill cut short is passed over."""
        found: dict[str, list[Row]] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    content = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if content["version"] == self.version:
                    found[content["sha256"]] = content["facts"]
        return found

    def add(self, sha256: str, facts: Sequence[Row]) -> None:
        """Append the facts about one case."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            # On a line of its own, even after one that was cut short.
            file.write("\n" + self._line(sha256, facts) + "\n")

    def keep(self, hashes: Iterable[str]) -> None:
        """Forget all cases but these."""
        found = self.read()
        kept = [sha256 for sha256 in dict.fromkeys(hashes) if sha256 in found]
        write_lines([self._line(sha256, found[sha256]) for sha256 in kept], self.path, sealed=False)

    def _line(self, sha256: str, facts: Sequence[Row]) -> str:
        return json.dumps({"version": self.version, "sha256": sha256, "facts": facts})


def measured_by(workers: int, measure: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Measure items in several processes, where the system can fork, and yield the results in order."""
    if workers < 2 or len(items) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(measure, items)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        yield from pool.map(measure, items)
