"""Make the cohort of one phantom hospital, as an ordinary data set on disk."""

import shutil
from pathlib import Path
from typing import Any

from rsuper.config.phantom import PhantomSpec
from rsuper.data.phantom.dataset import write_dataset
from rsuper.files import seal_dataset
from rsuper.job import run
from rsuper.progress import polled


def main(snakemake: Any) -> None:
    """Write CTs, organ masks, tumor masks where the role has them, reports and metadata."""
    spec = PhantomSpec.model_validate(snakemake.params.spec["phantom"])
    root = Path(snakemake.output.metadata).parent
    shutil.rmtree(root)  # what an earlier specification left there
    name, seed = snakemake.wildcards.dataset, snakemake.params.spec["data_seed"]
    groups = spec.hospitals[name].cases if name in spec.hospitals else ()
    total = sum(len(group.kinds()) for group in groups)
    places = root, root.with_name(f".{root.name}.unfinished")  # it is renamed at last
    with polled(name, total, lambda: sum(1 for place in places for _ in place.glob("BDMAP_*"))):
        write_dataset(root, name, spec, seed)
    seal_dataset(root)


run(main, snakemake)
