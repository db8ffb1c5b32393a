"""Make the cohort of one hospital from real organs and tumors, as an ordinary data set on disk."""

import shutil
from pathlib import Path
from typing import Any

from rsuper.config.real_anatomy import RealAnatomySpec
from rsuper.data.sources.real_anatomy.catalog import real_data_folder
from rsuper.data.sources.real_anatomy.dataset import write_dataset
from rsuper.files import seal_dataset
from rsuper.job import run


def main(snakemake: Any) -> None:
    """Write rendered CTs, real organ and tumor masks, reports and metadata."""
    spec = RealAnatomySpec.model_validate(snakemake.params.spec["real_anatomy"])
    real = real_data_folder()
    root = Path(snakemake.output.metadata).parent
    shutil.rmtree(root)  # what an earlier specification left there
    write_dataset(root, snakemake.wildcards.dataset, real, spec, snakemake.params.spec["data_seed"])
    seal_dataset(root)


run(main, snakemake)
