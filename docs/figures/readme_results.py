"""The README's table of results: AUC of the paper's rows, in the paper and in our reference run.

    python docs/figures/readme_results.py

Writes the table between two marks in README.md (or the file that is named), from
results/reference/phantom/table2.csv and the paper's published table.
"""

import math
import sys
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from rsuper.config.load import load_experiment
from rsuper.publish.claims import PAPER_MASKS, reported_results
from rsuper.publish.columns import PAPER_GROUPS, our_test_set
from rsuper.publish.rows import CONTROLS, OTHER, RUN

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- results: begin (make docs) -->", "<!-- results: end -->"
_BUDGETS = {"few": "few: 50; here 8", "full": "all: 344 and 1,674; here 50 each"}


def main(readme: Path) -> None:
    """Put the table where the marks are."""
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


def table() -> str:
    """Lay out the paper's rows: AUC in the paper, and here."""
    experiment = load_experiment(ROOT / "config" / "phantom.yaml")
    ours = pd.read_csv(ROOT / "results" / "reference" / "phantom" / "table2.csv")
    ours = ours[(ours["status"] == RUN) & ~ours["block"].isin([CONTROLS, OTHER])]
    rows = []
    for row in ours.to_dict("records"):
        cells = []
        for target, paper_set, _ in PAPER_GROUPS:
            key = ("all", row["method"], PAPER_MASKS[row["budget"], target], target, paper_set, "auc")
            paper = reported_results().get(key, math.nan)
            here = row[f"{target}_{our_test_set(paper_set, experiment)}_auc"]
            cells += ["" if math.isnan(paper) else f"{100 * paper:.0f}", f"{100 * here:.0f}"]
        rows.append([row["label"], _BUDGETS[row["budget"]], *cells])
    heads = ["row", "masks per tumor type"]
    for target, paper_set, _ in PAPER_GROUPS:
        place = "unseen hospital" if paper_set == "JHH-Test" else "reports' hospital"
        heads += [f"{target}, {place}: paper", "here"]
    return tabulate(rows, headers=heads, tablefmt="pipe", disable_numparse=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "README.md")
