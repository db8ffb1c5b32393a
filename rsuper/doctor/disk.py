"""Free disk against what an experiment will write, estimated from its file and its data.

What is counted: cases x voxels for raw CTs that a rule makes, the store of volumes and probability maps; then
records and weights. Bytes per voxel were measured on the micro and the default experiment.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rsuper.doctor.findings import FAIL, PASS, WARN, Asked, Finding, answer

if TYPE_CHECKING:
    from rsuper.config.experiment import Experiment

# On disk, per voxel. An untrained network's map is noise, 1.45; after 700 steps it took 1.1. Where nothing is
# answered a map takes hardly anything, and networks answer in a region no larger than a digital abdomen.
RAW, STORE, MAP, EMPTY_MAP = 1.85, 1.40, 1.45, 0.01
ANSWERED_MM3 = 224.0 * 160.0 * 160.0
# An abdominal CT of which nothing is known yet: 380 x 380 x 400 mm.
USUAL_MM3 = 380.0 * 380.0 * 400.0
CONTROL_MAP = 6_000  # bytes of a map that is the truth, or nothing
SMALL_FILES, PER_RUN = 2_000_000, 200_000  # logs, records, tables and figures
KEPT = 2  # sets of weights per run: some train in two parts, and all keep a state while they train
COUNT = """
import json, sys
from rsuper.networks.build import build_network
name, inputs, targets, options = json.loads(sys.argv[1])
print(4 * sum(weight.numel() for weight in build_network(name, inputs, targets, **options).parameters()))
"""
MARGIN = 1.5  # with less than this of the estimate free, an estimate is no promise


@dataclass(frozen=True)
class Cases:
    """Cases of one data set, as far as disk depends on them."""

    number: int
    mm3: float  # of one case
    voxel_mm3: float  # of the CT as it lies on disk
    tested: int  # of these in test sets
    known: str  # where the number comes from


def disk(asked: Asked) -> list[Finding]:
    """Compare the free space of the results' disk with the estimate, less what is there already."""
    from rsuper.config.load import load_experiment
    from rsuper.refusals import free_bytes

    experiment, root = load_experiment(asked.config), layout_of(asked.config)
    cases, unknown = counted(experiment, root)
    parts = estimate(experiment, cases)
    there, free = written(root), free_bytes(root)
    needed = max(sum(parts.values()) - there, 0)
    seen = f"{_size(free)} free; about {_size(sum(parts.values()))} needed"
    seen += f", {_size(there)} of it written" if there else ""
    fix = f"df -h {root.parent}    # make room, or let results/ be a link to a larger disk"
    level = FAIL if free < needed else WARN if free < needed * MARGIN else PASS
    if cases:
        number, known = sum(each.number for each in cases.values()), {each.known for each in cases.values()}
        split = ", ".join(f"{name} {_size(size)}" for name, size in parts.items())
        seen += f": {split}; for {number} CTs by {' and '.join(sorted(known))}"
    if unknown:
        seen += (
            f"; unknown, as the folder is not there: {', '.join(unknown)}; {_of_one(experiment, unknown[0])}"
        )
        level = max(level, WARN, key=[PASS, WARN, FAIL].index)
    return [Finding(level, "disk", seen, "" if level == PASS else fix)]


def _of_one(experiment: Experiment, dataset: str) -> str:
    parts = estimate(experiment, {dataset: Cases(1, USUAL_MM3, 1.0, 1, "")})
    tested = _size(parts["store"] + parts["predictions"])
    return f"a CT of theirs takes about {_size(parts['store'])}, one that all rows are tested on {tested}"


def layout_of(config: Path) -> Path:
    """Folder of an experiment's results."""
    from rsuper.artifacts import Layout
    from rsuper.config.load import load_experiment

    return Layout.of(load_experiment(config).name).root


def written(root: Path) -> int:
    """Bytes that an experiment's folder takes on disk already."""
    folders = [root / name for name in ("raw", "data", "runs")]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_blocks * 512 for path in files)


def estimate(experiment: Experiment, cases: dict[str, Cases]) -> dict[str, int]:
    """Bytes by what they are for."""
    from rsuper.config.dataset import MADE

    rows, controls = _rows(experiment)
    store_mm3 = 1.0
    for side in experiment.preprocess.spacing_mm:
        store_mm3 *= side
    raw = store = noise = rest = maps = 0.0
    for name, each in cases.items():
        raw += RAW * each.number * each.mm3 / each.voxel_mm3 * (experiment.datasets[name].source in MADE)
        store += STORE * each.number * each.mm3 / store_mm3
        tested = _predicted(experiment, each)
        answered = min(each.mm3, ANSWERED_MM3)
        noise += MAP * tested * answered / each.voxel_mm3
        rest += EMPTY_MAP * tested * (each.mm3 - answered) / each.voxel_mm3
        maps += tested
    targets = len(experiment.targets)
    predicted = targets * (rows * (noise + rest) + controls * maps * CONTROL_MAP)
    records = SMALL_FILES + PER_RUN * (rows + controls)
    weights = KEPT * _trainings(experiment) * weight_bytes(experiment)
    parts = {"raw": raw, "store": store, "predictions": predicted, "weights": weights, "records": records}
    return {name: round(number) for name, number in parts.items()}


def _predicted(experiment: Experiment, cases: Cases) -> float:
    """CTs that every run predicts: test sets, and the held-out share of those that are trained on."""
    return cases.tested + experiment.validation.share * (cases.number - cases.tested)


def weight_bytes(experiment: Experiment) -> int:
    """Size of the network's weights; 0 where it cannot be built here, without torch for example."""
    network = experiment.network
    inputs = 1 if network.inputs == "ct" else 3  # kidneys and pancreas
    content = [network.name, inputs, len(experiment.targets), network.options]
    done, said = answer([sys.executable, "-c", COUNT, json.dumps(content)])
    return int(said) if done else 0


def _rows(experiment: Experiment) -> tuple[int, int]:
    """Runs that train and predict, and untrained controls."""
    from rsuper.doctor.experiment import rows_of

    rows = rows_of(experiment)
    trained = _trained([*rows, *experiment.controls])
    number = sum(row in trained for row in rows)
    controls = len(rows) - number + len(experiment.controls)
    return number * len(experiment.seeds), controls * len(experiment.seeds)


def _trainings(experiment: Experiment) -> int:
    """Runs that train, those that others continue among them."""
    budgets = experiment.budgets.values()
    runs = sum(len(_trained([*budget.methods, *budget.controls])) for budget in budgets)
    return runs * len(experiment.seeds)


def _trained(names: list[str]) -> set[str]:
    """Of methods and what they need, those that train."""
    from rsuper.methods import with_upstream

    return {name for name, method in with_upstream(names).items() if method.card.resources.gpu}


def counted(experiment: Experiment, root: Path) -> tuple[dict[str, Cases], list[str]]:
    """Cases per data set, and the data sets of which nothing is known yet.

    From the table of cases where a run has made it, else from the section that says what is made.
    """
    found: dict[str, Cases] = {}
    for name, dataset in experiment.datasets.items():
        table = root / "data" / name / "cohort.csv"
        if table.is_file():
            found[name] = _in_table(table, experiment)
        elif dataset.source == "phantom" and experiment.phantom:
            found[name] = _phantoms(experiment, name)
        elif dataset.source == "real_anatomy" and experiment.real_anatomy:
            found[name] = _rendered(experiment, name)
        elif dataset.root and Path(dataset.root).is_dir():
            found[name] = _on_disk(experiment, name)
    return found, [name for name in experiment.datasets if name not in found]


def _tested(experiment: Experiment, roles: list[str]) -> int:
    tested = {test_set.role for test_set in experiment.test_sets.values()}
    return sum(role in tested for role in roles)


def _in_table(path: Path, experiment: Experiment) -> Cases:
    from rsuper.artifacts import read_table
    from rsuper.schemas import COHORT

    frame = read_table(path, COHORT)
    frame = frame[frame["reason"] == ""]
    voxels = voxel_mm3 = 0.0
    for shape, spacing in zip(frame["shape"], frame["spacing_mm"], strict=True):
        voxels += _product(shape.split())
        voxel_mm3 += _product(spacing.split()) / len(frame)
    number = max(len(frame), 1)
    mm3 = voxels * voxel_mm3 / number
    return Cases(len(frame), mm3, voxel_mm3 or 1.0, _tested(experiment, list(frame["role"])), "cohort.csv")


def _phantoms(experiment: Experiment, name: str) -> Cases:
    assert experiment.phantom is not None
    grid = experiment.phantom.grid
    groups = experiment.phantom.hospitals[name].cases
    roles = [group.role for group in groups for _ in group.kinds()]
    voxel_mm3 = _product(grid.spacing_mm)
    mm3 = _product(grid.shape) * voxel_mm3
    return Cases(len(roles), mm3, voxel_mm3, _tested(experiment, roles), "the section phantom")


def _rendered(experiment: Experiment, name: str) -> Cases:
    """Two CTs per patient of the real masks; a crop is about as large as a digital abdomen."""
    from rsuper.data.sources.real_anatomy.catalog import catalog, real_data_folder

    assert experiment.real_anatomy is not None
    spec = experiment.real_anatomy
    patients = {entry.patient_id for entry in catalog(real_data_folder())}
    numbers = {role: round(2 * len(patients) * spec.role_shares[role]) for role in spec.hospitals[name].roles}
    roles = [role for role, number in numbers.items() for _ in range(number)]
    mm3 = ANSWERED_MM3
    return Cases(len(roles), mm3, spec.spacing_mm**3, _tested(experiment, roles), "the real masks")


def _on_disk(experiment: Experiment, name: str) -> Cases:
    """As many as its adapter finds; sizes are not known before the CTs are read."""
    from rsuper.artifacts import Layout
    from rsuper.data.sources.raw_case import origin_of
    from rsuper.data.sources.registry import read_cases

    origin = origin_of(name, experiment.datasets[name], Layout.of(experiment.name))
    roles = [case.role for case in read_cases(origin) if not case.reason]
    return Cases(len(roles), USUAL_MM3, 1.0, _tested(experiment, roles), str(origin.root))


def _product(numbers: object) -> float:
    result = 1.0
    for number in numbers:  # type: ignore[attr-defined]
        result *= float(number)
    return result


def _size(number: int) -> str:
    for unit, one in (("MB", 1e6), ("GB", 1e9)):
        if number < 1000 * one:
            return f"{number / one:.3g} {unit}"
    return f"{number / 1e12:.3g} TB"
