# What all rules need: the experiment, its layout, and fingerprints of the code behind a rule.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.data.sources.raw_case import origin_of
from rsuper.data.sources.registry import (
    case_tables,
    named_by_hand,
    report_tables,
)
from rsuper.devices import CHOICES, visible_devices
from rsuper.engine.settings import Settings
from rsuper.errors import RsuperError
from rsuper.failures import show_last_lines
from rsuper.files import require_all_whole
from rsuper.methods import available, refuse_unknown, with_upstream
from rsuper.profiles import require_profiles
from rsuper.provenance.code import rule_code
from rsuper.publish.figures.error_runs import error_runs
from rsuper.publish.figures.shown_runs import landed_runs, shown_runs
from rsuper.publish.timing import end_of_run
from rsuper.refusals import AFTER_FAILURE, cannot_write, refuse_the_future

# This checkout, which is not workflow.basedir where another workflow imports this one (docs/interfaces.md).
ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]


def or_stop(make):
    """Turn an error of ours into Snakemake's own, which is printed without a traceback."""
    try:
        return make()
    except RsuperError as error:
        raise WorkflowError(f"{type(error).__name__}: {error}") from None


if workflow.is_main_process:
    show_last_lines(logger)

# A job from a cluster's queue may have outlived its Snakemake.
if workflow.remote_exec:
    or_stop(session.check)

or_stop(lambda: require_profiles(sys.argv, ROOT))

MOVED = workflow.modifier.path_modifier
if MOVED.prefix or MOVED.modifies_prefixes:
    raise WorkflowError(
        "ConfigError: imported with a prefix: leave it out, scripts find files by the experiment's name, "
        "below results/<name> of the working directory; give the experiment a name of its own"
    )

# Networks run on a GPU where their rule asks for one (rsuper/devices.py). On a cluster every card that says so is
# obeyed: the machine that submits need not have a GPU. Alone, a machine without one asks for none. What was trained
# on a GPU stays valid where there is none: the device is no parameter of a rule.
DEVICE = config.get("device", "auto")
if DEVICE not in CHOICES:
    raise WorkflowError(
        f"ConfigError: --config device={DEVICE}: expected one of {list(CHOICES)}; which GPUs a run may use says "
        "the environment variable CUDA_VISIBLE_DEVICES"
    )
# What runs the jobs is not known while this is read, and never in a dry run: a default time limit is then the mark
# of a cluster's profile.
CLUSTER_PROFILE = "runtime" in (workflow.resource_settings.default_resources or {})
GPUS = visible_devices()
if GPUS and not CLUSTER_PROFILE:  # else any number of GPU jobs would be started at once
    workflow.global_resources.setdefault("gpu", len(GPUS))


EXPERIMENT_FILE = Path(config.get("experiment", "config/phantom.yaml"))
if not EXPERIMENT_FILE.exists() and not EXPERIMENT_FILE.is_absolute():
    EXPERIMENT_FILE = ROOT / EXPERIMENT_FILE
EXPERIMENT = or_stop(lambda: load_experiment(EXPERIMENT_FILE))
LAYOUT = Layout.of(EXPERIMENT.name)
DATASETS = list(EXPERIMENT.datasets)

# Who left a lock here, and what is no longer as it was written: said before anything is run, or not run.
if workflow.is_main_process and "--unlock" not in sys.argv:
    if note := session.lock_note():
        print(note, file=sys.stderr)
    if note := cannot_write([LAYOUT.root, *LAYOUT.root.glob("*/"), Path(".snakemake")]):
        print(note, file=sys.stderr)
    or_stop(lambda: require_all_whole(LAYOUT.sealed_folders()))
    or_stop(lambda: refuse_the_future(LAYOUT.root, LAYOUT.sealed_folders()))
TEST_SETS = ["validation", *EXPERIMENT.test_sets]

# How networks are computed, as far as a weight or a map depends on it.
ENGINE = Settings(**EXPERIMENT.engine.model_dump()).decisive()

# Every run that has a row, as (budget, method, seed). Controls do not train: one budget is enough.
RUNS = [
    (budget, method, seed)
    for budget, settings in EXPERIMENT.budgets.items()
    for method in (*settings.methods, *settings.controls)
    for seed in EXPERIMENT.seeds
] + [
    (list(EXPERIMENT.budgets)[-1], control, seed)
    for control in EXPERIMENT.controls
    for seed in EXPERIMENT.seeds
]
METHODS = or_stop(lambda: with_upstream(method for _, method, _ in RUNS))

or_stop(lambda: refuse_unknown(EXPERIMENT.methods, EXPERIMENT_FILE))

# A variant for targets that the experiment does not have stops here, not after its training.
or_stop(lambda: [method.targets(EXPERIMENT.targets) for method in METHODS.values()])

# The cards that tables read: adding or relabeling a method changes the tables and trains nothing.
CARDS = or_stop(
    lambda: {name: card.model_dump(mode="json") for name, card in available().items()}
)


wildcard_constraints:
    dataset="|".join(DATASETS),
    budget="|".join(EXPERIMENT.budgets),
    method="|".join(METHODS),
    seed=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def artifact(*parts):
    """Path of an artifact as text; wildcards in braces pass through."""
    return str(LAYOUT.root.joinpath(*parts))


def announced(text):
    """What is printed when a job begins; a dry run prints all that is known of it instead."""
    return None if workflow.output_settings.dryrun else text


def drawings(name):
    """A figure's files."""
    return [artifact("figures", f"{name}.{kind}") for kind in ["svg", "png"]]


def told(path, category, caption):
    """An output that Snakemake's own report (`snakemake --report`) shows, with its caption."""
    return report(path, caption=f"../report/{caption}.rst", category=category)


def drawn(name):
    """A figure's files as outputs: the drawing is shown in Snakemake's own report."""
    svg, png = drawings(name)
    return [told(svg, "Figures", name), png]


def run_records(runs):
    """Records of runs, each written when its run is complete."""
    return [
        artifact("runs", budget, method, f"seed-{seed}", "run.json")
        for budget, method, seed in runs
    ]


def of_runs(runs, *parts):
    """One file per run and test set."""
    return [
        artifact(
            "runs",
            budget,
            method,
            f"seed-{seed}",
            *(part.format(test_set=test_set) for part in parts),
        )
        for budget, method, seed in runs
        for test_set in EXPERIMENT.test_sets
    ]


def origin(dataset):
    """Where a data set's cases lie."""
    return origin_of(dataset, EXPERIMENT.datasets[dataset], LAYOUT)


def raw_root(dataset):
    """Folder that holds a data set's cases."""
    return origin(dataset).root


def dataset_settings(dataset):
    """What the experiment file says about a data set, so that changing it lists the cases again."""
    return EXPERIMENT.datasets[dataset].model_dump(mode="json", exclude={"shards"})


def shards_of(dataset):
    """What the jobs that share a data set's preprocessing write."""
    shards = EXPERIMENT.datasets[dataset].shards
    return [
        artifact("data", dataset, "shards", f"{shard}_of_{shards}.jsonl")
        for shard in range(shards)
    ]


def code(script, dataset=""):
    """Fingerprint of a rule's script and of all files of ours that it reads or imports."""
    rule_name = script.removesuffix(".py")
    return or_stop(lambda: rule_code(rule_name, EXPERIMENT, dataset, ROOT))


def experiment_file(wildcards, output):
    """Where the experiment file lies: no reason to run a rule again, which parameters that depend on output are not.

    What a rule depends on are the sections that it names. So a file that extends another and adds a row, and does not
    change the name, trains that row alone.
    """
    return str(EXPERIMENT_FILE)


def section(*names):
    """Parts of the experiment file that a rule depends on, so that changing them runs it again."""
    return {name: EXPERIMENT.model_dump(mode="json")[name] for name in names}


def upstream(wildcards):
    """Records of the runs that a method continues."""
    return [
        artifact("runs", wildcards.budget, name, f"seed-{wildcards.seed}", "run.json")
        for name in METHODS[wildcards.method].needs
    ]


def report_vectors(wildcards):
    """Vectors of the reports, for a method that may read their text."""
    reads_text = METHODS[wildcards.method].card.uses.reports == "text"
    budget, seed = wildcards.budget, wildcards.seed
    return (
        [artifact("report_vectors", budget, f"seed-{seed}.csv")] if reads_text else []
    )


def reports_in(dataset):
    """A data set's tables of reports, and those that say whose are read; a user's folder may have none."""
    place = origin(dataset)
    listing = [] if named_by_hand(place.settings) else case_tables(place)
    return existing_or_made(dataset, dict.fromkeys([*report_tables(place), *listing]))


def tables_of(dataset):
    """Tables that list a data set's cases; what is missing, the job itself names."""
    return existing_or_made(dataset, case_tables(origin(dataset)))


def organs_of(dataset):
    """Table of the organ masks that a segmenter of the user's makes; none where a data set does not ask."""
    asks = EXPERIMENT.datasets[dataset].segment_organs
    return [artifact("data", dataset, "organs.csv")] if asks else []


def existing_or_made(dataset, tables):
    """Tables that are there, or that a rule will make."""
    made = EXPERIMENT.datasets[dataset].root is None
    return [table for table in tables if made or table.exists()]


def gpus(wildcards):
    """GPUs of a run's jobs: as its card says; none where networks run on the CPU."""
    return 0 if on_cpu() else METHODS[wildcards.method].card.resources.gpu


def organ_gpus(wildcards):
    """GPUs of the user's segmenter."""
    return 0 if on_cpu() else EXPERIMENT.organ_segmenter.gpu


def on_cpu():
    """Whether networks run on the CPU."""
    on_cluster = workflow.remote_exec or workflow.non_local_exec or CLUSTER_PROFILE
    return DEVICE == "cpu" or (DEVICE == "auto" and not GPUS and not on_cluster)


def memory(rule):
    """Memory of a rule's jobs in MB: as the experiment says, else a run's card; more when tried again."""

    def of(wildcards, attempt):
        return attempt * demanded(rule, "mem_mb", wildcards)

    return of


def minutes(rule):
    """Time limit of a rule's jobs: as the experiment says, else a run's card. A run continues when tried again."""

    def of(wildcards):
        return demanded(rule, "runtime", wildcards)

    return of


def demanded(rule, name, wildcards):
    """What the experiment, else a run's card, says that a rule's jobs need."""
    value = getattr(getattr(EXPERIMENT.resources, rule), name)
    if value is None:
        value = getattr(METHODS[wildcards.method].card.resources, name)
    return value


def summary():
    """What is printed at the end: time per rule and where the tables are."""
    return end_of_run(LAYOUT.root)
