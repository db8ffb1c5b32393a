"""Which rows a table has: the paper's, in the paper's order, then whatever else the experiment ran."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pandas as pd

from rsuper.config.experiment import Experiment

FEW, FULL = "few", "full"
ABLATIONS, OTHER, CONTROLS = "ablations", "other", "controls"

RUN = "run"
NO_RESULT = "no result"
NOT_LISTED = "not run in this experiment"
NOT_IMPLEMENTED = "not implemented"

# Rows of Tables 2 and 3: (block, budget, method).
PAPER_ROWS = (
    (FEW, FEW, "segmentation"),
    (FEW, FEW, "r_super"),
    (FULL, FULL, "clip_like"),
    (FULL, FULL, "multi_task"),
    (FULL, FULL, "rg_pseudo_labels"),
    (FULL, FULL, "models_genesis"),
    (FULL, FULL, "nnunet"),
    (FULL, FULL, "segmentation"),
    (FULL, FULL, "r_super"),
    (ABLATIONS, FULL, "r_super-volume_only"),
    (ABLATIONS, FULL, "r_super-ball_only"),
)

# Names of the paper's methods for rows whose folder is not there.
PAPER_LABELS = {
    "clip_like": "CLIP-like",
    "multi_task": "Multi-task learning",
    "rg_pseudo_labels": "RG pseudo-labels",
    "models_genesis": "Models Genesis",
    "nnunet": "nnU-Net",
    "segmentation": "Segmentation",
    "r_super": "R-Super",
}


@runtime_checkable
class Uses(Protocol):
    """What a method may see of the training cohorts."""

    @property
    def all_images(self) -> bool:
        """Whether CTs without masks are used."""

    @property
    def masks(self) -> bool:
        """Whether tumor masks are used."""

    @property
    def reports(self) -> str:
        """One of none, presence, count, text, details."""


@runtime_checkable
class Ticks(Protocol):
    """The five columns of Table 1, as a card declares them."""

    @property
    def uses_unannotated_cts(self) -> bool:
        """Whether CTs without masks are used."""

    @property
    def uses_reports(self) -> bool:
        """Whether reports are used in any form."""

    @property
    def uses_detailed_report_info(self) -> bool:
        """Whether size, count and place are used."""

    @property
    def reports_optimize_segmentation(self) -> bool:
        """Whether a loss on the segmentation depends on reports."""

    @property
    def reports_penalize_fp_fn(self) -> bool:
        """Whether that loss counts both false positives and false negatives."""


@runtime_checkable
class Card(Protocol):
    """The part of a method's card that tables need."""

    @property
    def name(self) -> str:
        """Folder of the method."""

    @property
    def label(self) -> str:
        """Name to print."""

    @property
    def uses(self) -> Uses:
        """What the method may see."""

    @property
    def table1(self) -> Ticks | None:
        """Ticks of Table 1; a control may have none."""

    @property
    def control(self) -> str | None:
        """None for a method; ceiling or floor for a control."""

    @property
    def variants(self) -> Mapping[str, object]:
        """Named overrides of the method's Config."""

    @property
    def variant_labels(self) -> Mapping[str, str]:
        """Names to print for variants that have one."""


@dataclass(frozen=True)
class Row:
    """One row of Table 2 or 3."""

    block: str
    budget: str
    method: str
    label: str
    status: str


def table_rows(metrics: pd.DataFrame, experiment: Experiment, cards: Sequence[Card]) -> list[Row]:
    """List the rows of Tables 2 and 3.

    The paper's rows come first and are never dropped; `status` says why one is blank. Methods and budgets
    that the paper does not have follow in block `other`, then the controls.

    Args:
        metrics: frame with the columns of METRICS; may be empty.
        experiment: says which methods run at which budget.
        cards: cards of the method folders that are there.
    """
    measured = set(zip(metrics["budget"], metrics["method"], strict=True))
    return [
        Row(
            block,
            budget,
            method,
            label_of(method, cards),
            _status(budget, method, measured, experiment, cards),
        )
        for block, budget, method in [
            *PAPER_ROWS,
            *_other_rows(experiment),
            *_control_rows(measured, experiment),
        ]
    ]


def label_of(method: str, cards: Sequence[Card]) -> str:
    """Return the name to print for `folder` or `folder-variant`; the folder itself where none is known."""
    folder, _, variant = method.partition("-")
    known = {card.name: card for card in cards}
    label = known[folder].label if folder in known else PAPER_LABELS.get(folder, folder)
    if folder in known and variant in known[folder].variant_labels:
        return known[folder].variant_labels[variant]
    return f"{label}, {variant.replace('_', ' ')}" if variant else label


def _other_rows(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    known = {(budget, method) for _, budget, method in PAPER_ROWS}
    for budget, section in experiment.budgets.items():
        for method in section.methods:
            if (budget, method) not in known and method not in experiment.all_controls:
                yield OTHER, budget, method


def _control_rows(measured: set[tuple[str, str]], experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Untrained controls stand once per budget they were run at, else once; trained ones at their budgets."""
    budgets = list(experiment.budgets)
    for budget, section in experiment.budgets.items():
        for method in section.controls:
            yield CONTROLS, budget, method
    for method in experiment.controls:
        for budget in [name for name in budgets if (name, method) in measured] or budgets[-1:]:
            yield CONTROLS, budget, method


def _status(
    budget: str,
    method: str,
    measured: set[tuple[str, str]],
    experiment: Experiment,
    cards: Sequence[Card],
) -> str:
    if (budget, method) in measured:
        return RUN
    folder, _, variant = method.partition("-")
    found = [card for card in cards if card.name == folder]
    if not found or (variant and variant not in found[0].variants):
        return NOT_IMPLEMENTED
    section = experiment.budgets.get(budget)
    listed = method in experiment.controls
    if section is not None:
        listed = listed or method in (*section.methods, *section.controls)
    return NO_RESULT if listed else NOT_LISTED
