"""Means over targets and test sets of every row of a table, as docs/methods.md has them for the baselines.

python benchmarks/baselines.py [results/reference/baselines/table2.csv]
"""

import argparse
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "results" / "reference" / "baselines" / "table2.csv"
SUFFIXES = {"AUC": "_auc", "DSC": "_dsc_tumor"}


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Mean AUC and tumor DSC of every row that was run, over all cells; columns budget, label, AUC, DSC."""
    run = table[table["status"] == "run"]
    columns = {name: [c for c in table.columns if c.endswith(suffix)] for name, suffix in SUFFIXES.items()}
    values = {name: run[cells].astype(float).mean(axis=1) for name, cells in columns.items()}
    return run[["budget", "method", "label"]].assign(**values).reset_index(drop=True)


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, nargs="?", default=REFERENCE)
    print(means(pd.read_csv(parser.parse_args().table)).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
