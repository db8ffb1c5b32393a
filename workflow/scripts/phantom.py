"""Make the cohort of one phantom hospital, as an ordinary data set on disk."""

import shutil
from pathlib import Path
from typing import Any

from rsuper.config.phantom import PhantomSpec
from rsuper.data.phantom.dataset import write_dataset
from rsuper.files import seal_dataset
from rsuper.job import run


def main(snakemake: Any) -> None:
    """Write CTs, organ masks, tumor masks where the role has them, reports and metadata."""
    spec = PhantomSpec.model_validate(snakemake.params.spec["phantom"])
    root = Path(snakemake.output.metadata).parent
    shutil.rmtree(root)  # what an earlier specification left there
    write_dataset(root, snakemake.wildcards.dataset, spec, snakemake.params.spec["data_seed"])
    seal_dataset(root)


run(main, snakemake)
