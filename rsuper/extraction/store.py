"""What a model answered, kept on disk as it comes: a stopped run goes on, and nothing is asked twice."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rsuper.errors import ArtifactError

_TABLE = """
create table if not exists answers (
  key text primary key,     -- hash of report, prompt, model and how it was asked
  status text not null,     -- parsed | repaired | failed
  reason text not null,     -- why it is not simply parsed
  content text not null,    -- the model's last answer
  rounds integer not null,  -- times it was asked
  seconds real not null
) strict
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one report; nothing of the report itself but what an answer quotes."""

    status: str
    reason: str
    content: str
    rounds: int
    seconds: float


class Store:
    """Answers by key, in one SQLite file; used from one thread.

    Raises:
        ArtifactError: the file is no such store.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self._connection = sqlite3.connect(path)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise ArtifactError(f"{path}: no store of answers ({error}); remove it") from None

    def get(self, key: str) -> Outcome | None:
        """Return what is kept under a key."""
        query = "select status, reason, content, rounds, seconds from answers where key = ?"
        with closing(self._connection.execute(query, (key,))) as rows:
            row = rows.fetchone()
        return Outcome(*row) if row else None

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an answer; it is on disk when this returns."""
        values = (key, outcome.status, outcome.reason, outcome.content, outcome.rounds, outcome.seconds)
        with self._connection:
            self._connection.execute("insert or replace into answers values (?, ?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
