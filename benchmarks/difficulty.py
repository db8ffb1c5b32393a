"""How hard the default experiment is: AUC of segmentation at `full` masks on development seeds.

    python benchmarks/difficulty.py 1 3

Each seed makes other phantoms (`data_seed`); the reported run's own is refused: nothing may be set by it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

from rsuper.artifacts import Layout, cases_table, read_table
from rsuper.metrics.detection import auc
from rsuper.schemas import CASES

ROOT = Path(__file__).resolve().parent.parent
BUDGET, METHOD, SEED = "full", "segmentation", 0


def main() -> None:
    """Run segmentation on each development seed and print its AUC per target and test set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seeds", type=int, nargs="+", help="development seeds of the data")
    rows = [row for seed in parser.parse_args().seeds for row in measure(seed)]
    print(pd.DataFrame(rows).to_string(index=False))


def measure(data_seed: int) -> list[dict[str, object]]:
    """Train on one development cohort; return one row per test set and target."""
    content = yaml.safe_load((ROOT / "config" / "phantom.yaml").read_text(encoding="utf-8"))
    if data_seed == content["data_seed"]:
        raise SystemExit(f"data seed {data_seed} is that of the reported experiment")
    content |= {"name": f"development_{data_seed}", "data_seed": data_seed}
    layout = Layout.of(content["name"])
    tables = {
        test_set: cases_table(layout.run(BUDGET, METHOD, SEED), test_set) for test_set in content["test_sets"]
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "experiment.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
        command += ["--config", f"experiment={path}", "--", *map(str, tables.values())]
        subprocess.run(command, cwd=ROOT, check=True)
    rows: list[dict[str, object]] = []
    for test_set, table in tables.items():
        for target, cases in read_table(ROOT / table, CASES).groupby("target"):
            labels = cases["truth"].to_numpy(dtype=bool)
            value = auc(labels, cases["score_top_volume_mean"].to_numpy(dtype=float))
            rows.append(
                {"data_seed": data_seed, "test_set": test_set, "target": target, "auc": round(value, 3)}
            )
    return rows


if __name__ == "__main__":
    main()
