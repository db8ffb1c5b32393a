"""Which columns Tables 2 and 3 have: the paper's, in its order, then the rest of what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass

from rsuper.config.experiment import Evaluation, Experiment

# Column groups of Tables 2 and 3: target, test set, metrics.
_DETECTION = ("f1", "auc", "sensitivity", "specificity")
_OVERLAP = ("dsc", "nsd")
_TUMOR_ONLY = ("dsc_tumor", "nsd_tumor")
_LESIONS = ("lesion_sensitivity", "false_positives_per_ct")
PAPER_GROUPS = (
    ("pancreas", "JHH-Test", (*_OVERLAP, *_DETECTION)),
    ("pancreas", "UCSF-Test", _DETECTION),
    ("kidney", "UCSF-Test", _DETECTION),
)
# Our names for the paper's test sets where the experiment has none that stands for them.
_ABSENT = {"JHH-Test": "external", "UCSF-Test": "internal"}
_HEADINGS = {
    "dsc": "DSC",
    "nsd": "NSD",
    "f1": "F1",
    "auc": "AUC",
    "sensitivity": "Se",
    "specificity": "Sp",
    "dsc_tumor": "DSC tumor",
    "nsd_tumor": "NSD tumor",
    "lesion_sensitivity": "tumor Se",
    "false_positives_per_ct": "FP/CT",
}
NUMBERS = ("false_positives_per_ct",)  # not shares: printed as they are
TESTED = ("f1", "auc")  # the metrics that the paper tests for significance


@dataclass(frozen=True)
class Column:
    """One measured column: where its number comes from and how it is called."""

    target: str
    test_set: str
    metric: str

    @property
    def name(self) -> str:
        """Name in the CSV."""
        return f"{self.target}_{self.test_set}_{self.metric}"

    @property
    def group(self) -> str:
        """Heading above the columns of one target and test set."""
        return f"{self.target} {self.test_set}"

    @property
    def heading(self) -> str:
        """Heading of the column itself."""
        return _HEADINGS[self.metric]


def headline_nsd(evaluation: Evaluation) -> str:
    """Return the name, in METRICS, of the NSD that stands in the tables: surfel area, first tolerance."""
    return f"nsd_surfel_{evaluation.nsd_tolerances_mm[0]:g}mm"


def our_test_set(paper: str, experiment: Experiment) -> str:
    """Return the experiment's test set that stands for one of the paper's.

    Where several do, the first; where none does, the name it has in our other experiments.
    """
    ours = [name for name, section in experiment.test_sets.items() if section.paper == paper]
    return ours[0] if ours else _ABSENT[paper]


def paper_columns(experiment: Experiment) -> list[Column]:
    """List the paper's columns under our names, in the paper's order."""
    return [
        Column(target, our_test_set(paper, experiment), metric)
        for target, paper, metrics in PAPER_GROUPS
        for metric in metrics
    ]


def further_columns(experiment: Experiment) -> list[Column]:
    """List what the paper's tables lack: tumor-only DSC and NSD, lesions, other targets and test sets."""
    printed = set(paper_columns(experiment))
    return [column for column in _all_columns(experiment) if column not in printed]


def groups(experiment: Experiment) -> list[tuple[str, str]]:
    """List the pairs of target and test set: the paper's first."""
    return list(dict.fromkeys((column.target, column.test_set) for column in _all_columns(experiment)))


def _all_columns(experiment: Experiment) -> Iterator[Column]:
    pairs = [(target, our_test_set(paper, experiment)) for target, paper, _ in PAPER_GROUPS]
    pairs += [(target, test_set) for test_set in experiment.test_sets for target in experiment.targets]
    for target, test_set in dict.fromkeys(pairs):
        for metric in (*_OVERLAP, *_DETECTION, *_TUMOR_ONLY, *_LESIONS):
            yield Column(target, test_set, metric)
