"""How hard the default experiment is, and how much there is to gain: AUC on development seeds.

    python benchmarks/difficulty.py 1 3

Rows: segmentation at `full` and `few` masks, and `all_masks`, the ceiling: `few` masks and those of all
report cases. R-Super is not run: nothing may be set by how it does. Each seed makes other phantoms
(`data_seed`); the reported run's own is refused.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

from rsuper.artifacts import Layout, cases_table, read_table
from rsuper.config.load import load_experiment
from rsuper.metrics.detection import auc
from rsuper.publish.render import write_csv
from rsuper.schemas import CASES

ROOT = Path(__file__).resolve().parent.parent
ROWS = {"few": ["segmentation"], "full": ["segmentation"]}
CEILING = ("few", "all_masks")
SEED = 0


def main() -> None:
    """Run the rows on each development seed and print their AUC and tumor DSC per target and test set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seeds", type=int, nargs="+", help="development seeds of the data")
    parser.add_argument("--out", type=Path, help="CSV file for the rows")
    arguments = parser.parse_args()
    frame = pd.DataFrame([row for seed in arguments.seeds for row in measure(seed)])
    if arguments.out is not None:
        write_csv(frame, arguments.out)
    print(frame.to_string(index=False))


def measure(data_seed: int) -> list[dict[str, object]]:
    """Train on one development cohort; return one row per run, test set and target."""
    experiment = load_experiment(ROOT / "config" / "phantom.yaml")
    if data_seed == experiment.data_seed:
        raise SystemExit(f"data seed {data_seed} is that of the reported experiment")
    content = experiment.model_dump(mode="json")
    content |= {"name": f"development_{data_seed}", "data_seed": data_seed, "seeds": [SEED], "hypotheses": []}
    for name, budget in content["budgets"].items():
        budget |= {"methods": ROWS[name], "controls": [CEILING[1]] if name == CEILING[0] else []}
    layout = Layout.of(content["name"])
    runs = [*((budget, method) for budget, methods in ROWS.items() for method in methods), CEILING]
    tables = {
        (*run, test_set): cases_table(layout.run(*run, SEED), test_set)
        for run in runs
        for test_set in experiment.test_sets
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "experiment.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
        command += ["--config", f"experiment={path}", "--", *map(str, tables.values())]
        subprocess.run(command, cwd=ROOT, check=True)
    return [
        {"data_seed": data_seed, "budget": budget, "method": method, "test_set": test_set, "target": target}
        | _scored(cases)
        for (budget, method, test_set), table in tables.items()
        for target, cases in read_table(ROOT / table, CASES).groupby("target")
    ]


def _scored(cases: pd.DataFrame) -> dict[str, float]:
    labels = cases["truth"].to_numpy(dtype=bool)
    value = auc(labels, cases["score_top_volume_mean"].to_numpy(dtype=float))
    return {"auc": round(value, 3), "dsc_tumor": round(float(cases.loc[labels, "dsc"].mean()), 3)}


if __name__ == "__main__":
    main()
