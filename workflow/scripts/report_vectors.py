"""Turn the reports that a budget's runs may train on into vectors."""

import sys
from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout
from rsuper.collection import Collection
from rsuper.config.load import load_experiment
from rsuper.data.report_vectors import encoded, write_vectors
from rsuper.job import run


def main(snakemake: Any) -> None:
    """Write one vector per report; the log says how many reports have none."""
    experiment = load_experiment(Path(snakemake.params.experiment))
    collection = Collection(experiment, Layout.of(experiment.name))
    texts = collection.report_texts(snakemake.wildcards.budget, int(snakemake.wildcards.seed))
    vectors = encoded(texts, experiment.report_vectors)
    sys.stderr.write(f"{len(vectors)} of {len(texts)} reports have a vector\n")
    write_vectors(vectors, Path(snakemake.output[0]))


run(main, snakemake)
