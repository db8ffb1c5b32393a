"""What became of the reports of a run: organs that a patch could be drawn for, and regions that counted."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from rsuper.artifacts import Layout, read_json, read_lines
from rsuper.publish.figures.shown_runs import Run

ORGANS, REGIONS = "organs", "regions"
COLUMNS = ("budget", "method", "seed", "kind", "target", "outcome", "n")
_COUNT = "count:"


def report_counts(layout: Layout, runs: Sequence[Run]) -> pd.DataFrame:
    """Read what the reports of each run were good for.

    Kind `organs` counts each organ of each report case once, per target, from `report_use.json`: outcome
    `positive` (a tumor of known size), `negative` (said to be free), else why no patch is drawn for it. Kind
    `regions` counts the regions of all patches that were drawn, from the run's log, over all targets (which
    the log does not tell apart). A run that left neither file has no row.

    Raises:
        ArtifactError: a file is damaged.
    """
    rows = [
        dict(zip(COLUMNS, (*run, kind, target, outcome, number), strict=True))
        for run in runs
        for kind, target, outcome, number in _of_run(layout, run)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_run(layout: Layout, run: Run) -> Iterator[tuple[str, str, str, int]]:
    folder = layout.run(*run)
    use, log = folder / "report_use.json", folder / "model" / "log.jsonl"
    if use.is_file():
        for counts in read_json(use).values():
            for name, number in counts.items():
                target, _, outcome = name.partition(": ")
                yield ORGANS, target, outcome, number
    if log.is_file():
        counted: Counter[str] = Counter()
        for line in map(json.loads, read_lines(log)):
            counted.update({name: int(n) for name, n in line.items() if name.startswith(_COUNT)})
        for name, number in counted.items():
            yield REGIONS, "", name.removeprefix(_COUNT), number
