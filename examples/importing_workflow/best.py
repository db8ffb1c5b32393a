"""Which row finds pancreatic tumors best, from Table 2 of the imported workflow."""

from pathlib import Path
from typing import Any

import pandas as pd


def main(snakemake: Any) -> None:
    """Write the label of the row with the highest AUC."""
    rows = pd.read_csv(snakemake.input[0]).query("status == 'run'")
    best = rows.loc[rows["pancreas_internal_auc"].idxmax(), "label"]
    Path(snakemake.output[0]).write_text(f"{best}\n", encoding="utf-8")


main(snakemake)  # type: ignore[name-defined]
