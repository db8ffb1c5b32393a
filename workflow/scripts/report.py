"""One page with everything."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout, write_sealed
from rsuper.config.load import load_experiment
from rsuper.job import run
from rsuper.publish.html.page import report_page
from rsuper.publish.html.sources import Sources


def main(snakemake: Any) -> None:
    """Write report.html."""
    params, files = snakemake.params, snakemake.input
    layout = Layout.of(load_experiment(Path(params.experiment)).name)
    leaked = Path(files.leaked) if files.get("leaked") else None
    runs = [tuple(item) for item in params.runs]
    sources = Sources.read(Path(params.experiment), layout, runs, files, leaked)
    page = report_page(sources)
    write_sealed(Path(snakemake.output[0]), lambda path: path.write_text(page, encoding="utf-8"))


run(main, snakemake)
