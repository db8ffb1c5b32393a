"""Cases that the report shows: the best, the worst and the false alarms of every run."""

import json
from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, write_lines
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.job import run
from rsuper.locate import locate
from rsuper.progress import tracked
from rsuper.publish.figures.overlay_pictures import read_pictures
from rsuper.publish.figures.overlay_rows import overlays_frame
from rsuper.publish.html.extremes import choose_extremes
from rsuper.publish.html.panels import panel


def main(snakemake: Any) -> None:
    """Write a line per run and chosen case."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    layout, runs = Layout.of(experiment.name), [tuple(item) for item in snakemake.params.runs]
    collection = Collection(experiment, layout)
    lines = []
    for own in tracked(runs, "case_panels", unit="rows"):
        cases = read_cases(layout, [own], list(experiment.test_sets), leaked=snakemake.input.get("leaked"))
        choices = choose_extremes(cases, own, experiment)
        rows = overlays_frame(choices, [own], own, cases, collection, locate)
        lines += [json.dumps(panel(picture)) for picture in read_pictures(rows, collection)]
    write_lines(lines, Path(snakemake.output[0]))


run(main, snakemake)
