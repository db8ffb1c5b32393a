"""Can a tumor of the digital abdomen be told without looking for it?

    python benchmarks/shortcuts.py 1 3 [--reported] [--out folder]

Each seed makes other phantoms (`data_seed`). The reported run's own is refused, for nothing may be set by it;
`--reported` adds it once the run is done.
With several seeds a last block pools them. Every table is per role of the data and per target; a positive is
a CT with that tumor, a negative any other.

1. `classifiers`: logistic regression and gradient boosting on the facts of `shortcut_facts`, cross-validated
   within a role, and trained on a training role and applied to a test role. Fails if the AUC is above 0.5:
   one-sided p (Mann-Whitney; of a cross-validation against shuffled labels) below 5 % after Holm over the
   seed's table. `within`: DeLong's interval holds 0.5 or lies below; one in 40 lies above by chance alone, of
   the cross-validated ones more, see `shortcut_checks`.
   `facts`: AUC of each fact alone, two-sided, Holm within a role and target.
2. `detectors`: untrained ones, by family. Fails if the family's best on the role itself, an upper bound for
   it is chosen by its result, reaches 0.70. `elsewhere`: AUC of the family's best on `report_train`.
3. `distractors`: those drawn, per kind, by the exact conditional test of two Poisson rates; the duct, there
   or not, by Fisher's. Fails if p is below 5 % after Holm within a role. `covered` counts those of which a
   tumor hides more than half: to a reader there are fewer.
4. `normals`: CTs with any tumor against those without, Kolmogorov-Smirnov, or chi-square for categories;
   Holm within a role.
5. `twins`: a CT with a tumor and the same CT made as normal. How many pairs differ in a fact, by how much
   (in standard deviations of the normals), and what AUC so large a shift gives a normal variable. Fails from
   0.55. This needs no luck: a fact in which no pair differs cannot be a shortcut.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a script finds only what lies beside it

from benchmarks.shortcut_checks import KEYS, classifiers, detectors, distractors, facts, normals, twins
from benchmarks.shortcut_facts import Row, case_facts, detector_scores, distractor_counts, scan_settings
from rsuper.config.load import load_experiment
from rsuper.config.phantom import PhantomSpec
from rsuper.data.phantom.case import make_case
from rsuper.data.phantom.dataset import plan_cases
from rsuper.data.phantom.shapes import Grid

ROOT = Path(__file__).resolve().parent.parent
TWINS = 60  # per role


def measure(
    spec: PhantomSpec, data_seed: int, clip_hu: tuple[float, float], twins_wanted: int = TWINS
) -> Iterator[Row]:
    """Make every case of every hospital, and normal twins of the first tumor cases of a role."""
    grid = Grid(spec.grid.shape, spec.grid.spacing_mm)
    with tempfile.TemporaryDirectory() as folder:
        for hospital in spec.hospitals.values():
            left = {group.role: twins_wanted for group in hospital.cases}
            for number, group, kind in plan_cases(hospital, data_seed):
                seed = (data_seed, hospital.hospital_id, number)
                keys = (data_seed, group.role, kind, number)
                case = make_case(spec, hospital, kind, seed)
                settings, _ = scan_settings(hospital, grid, case.phase, seed)
                row: Row = dict(zip(KEYS, (*keys, False), strict=True))
                row |= case_facts(case, number, hospital, spec, clip_hu, Path(folder))
                row |= {f"scan:{name}": value for name, value in settings.items()}
                row |= {f"organ:{n}": int(case.organs[n].sum()) for n in case.organs}
                yield row | distractor_counts(case) | detector_scores(case, spec, clip_hu)
                if kind != "normal" and left[group.role]:
                    left[group.role] -= 1
                    twin = make_case(spec, hospital, "normal", seed)
                    facts = case_facts(twin, number, hospital, spec, clip_hu, Path(folder))
                    yield dict(zip(KEYS, (*keys, True), strict=True)) | facts


CHECKS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "classifiers": classifiers,
    "facts": facts,
    "detectors": detectors,
    "distractors": distractors,
    "normals": normals,
    "twins": twins,
}


def all_checks(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make every table, with a block per seed and, of several seeds, one of all together."""
    blocks = {str(seed): part for seed, part in frame.groupby("data_seed")}
    if len(blocks) > 1:
        blocks["+".join(blocks)] = frame
    tables = {}
    for name, check in CHECKS.items():
        parts = [
            check(block if name == "twins" else block[~block["twin"]]).assign(seed=seed)
            for seed, block in blocks.items()
        ]
        tables[name] = pd.concat(parts, ignore_index=True)
    return tables


def shown(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Shorten what is long: of `facts` and `normals` least p and failures, of `twins` what differs."""
    keys = {"facts": ["seed", "role", "target"], "normals": ["seed", "role"]}
    if name == "twins":
        return table[table["differ"] > 0]
    if name not in keys:
        return table
    least = table.groupby(keys[name], sort=False)["p"].idxmin()
    return table.loc[sorted({*least, *table.index[table["verdict"] == "fails"]})]


def main() -> None:
    """Make the cases of the seeds, print the tables, write them if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seeds", type=int, nargs="*", help="development seeds of the data")
    parser.add_argument(
        "--reported", action="store_true", help="check the reported run's data, after that run"
    )
    parser.add_argument("--out", type=Path, help="folder for CSV files")
    arguments = parser.parse_args()
    experiment = load_experiment(ROOT / "config" / "phantom.yaml")
    if experiment.data_seed in arguments.seeds:
        parser.error(f"data seed {experiment.data_seed} is that of the reported experiment")
    seeds = [*arguments.seeds, experiment.data_seed] if arguments.reported else arguments.seeds
    if not seeds:
        parser.error("say which development seeds to check, or --reported")
    assert experiment.phantom is not None
    rows: list[Row] = []
    for seed in seeds:
        rows += measure(experiment.phantom, seed, experiment.preprocess.clip_hu)
    frame = pd.DataFrame(rows)
    tables = all_checks(frame)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        frame.to_csv(arguments.out / "cases.csv", index=False)
    for name, table in tables.items():
        if arguments.out is not None:
            table.to_csv(arguments.out / f"{name}.csv", index=False)
        counts = table["verdict"].value_counts().to_dict()
        text = shown(name, table).to_string(index=False, float_format="{:.3f}".format)
        print(f"{name}: {counts}\n{text}\n")


if __name__ == "__main__":
    main()
