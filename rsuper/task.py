"""What a method is handed: the same task for all, and a cohort that shows only what its card declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

from rsuper.config.experiment import Network, Predict, Preprocess, Schedule
from rsuper.data.store import StoredCase
from rsuper.data.volumes import Shape
from rsuper.engine.settings import Settings
from rsuper.errors import MethodError
from rsuper.methods import Card
from rsuper.reports.counts import tumor_counts
from rsuper.reports.findings import ReportFindings
from rsuper.reports.presence import organ_presence

ReportCaseT = TypeVar("ReportCaseT")
Predictor = Callable[[StoredCase], Float[np.ndarray, "c x y z"]]
HeldOut = Callable[[Predictor, Sequence[str]], dict[str, float]]
Truth = Callable[[str], dict[str, Bool[np.ndarray, "x y z"]]]


@dataclass(frozen=True)
class ReportCase:
    """A CT-Report pair: a CT with organ masks and what its report says."""

    stored: StoredCase
    findings: ReportFindings


@dataclass(frozen=True)
class CountedCase:
    """A CT with organ masks and how many tumors of each target its report counts; None: no number."""

    stored: StoredCase
    counts: Mapping[str, int | None]


@dataclass(frozen=True)
class PresenceCase:
    """A CT with organ masks and which organs its report gives a tumor; None: the report leaves it open."""

    stored: StoredCase
    presence: Mapping[str, bool | None]


@dataclass(frozen=True)
class TextCase:
    """A CT with organ masks and its report's text as a frozen vector; None: the report has no vector."""

    stored: StoredCase
    vector: Float[np.ndarray, " e"] | None


AnyReportCase = ReportCase | CountedCase | PresenceCase | TextCase


@dataclass(frozen=True)
class VisibleCohort:
    """The training cases of one budget and seed. What a card does not declare is not in it."""

    card: Card
    mask_cases: Sequence[StoredCase]
    image_cases: Sequence[StoredCase]
    report_cases: Sequence[AnyReportCase]  # of the one kind that the card declares
    test_truth: Truth | None = None
    withheld_cases: Sequence[StoredCase] = ()

    @classmethod
    def behind(
        cls,
        card: Card,
        masks: Sequence[StoredCase],
        reports: Sequence[ReportCase],
        vectors: Callable[[], Mapping[str, Float[np.ndarray, " e"]]],
        truth: Truth,
        withheld: Sequence[StoredCase],
    ) -> "VisibleCohort":
        """Keep of a budget's cases what a card declares; `vectors` is asked where it declares text."""
        ceiling = card.control == "ceiling"
        return cls(
            card=card,
            mask_cases=masks if card.uses.masks else (),
            image_cases=[*masks, *(case.stored for case in reports)] if card.uses.all_images else (),
            report_cases=_reduced(reports, card.uses.reports, vectors),
            test_truth=truth if ceiling else None,
            withheld_cases=withheld if ceiling else (),
        )

    @property
    def masks(self) -> Sequence[StoredCase]:
        """CT-Mask pairs of the budget.

        Raises:
            MethodError: the card does not declare `uses.masks`.
        """
        self._require(self.card.uses.masks, "uses.masks")
        return self.mask_cases

    @property
    def reports(self) -> Sequence[ReportCase]:
        """CT-Report pairs with their findings in full.

        Raises:
            MethodError: the card does not declare `uses.reports: details`.
        """
        return self._told(ReportCase, "details")

    @property
    def counted(self) -> Sequence[CountedCase]:
        """CT-Report pairs with nothing of the report but the number of tumors.

        Raises:
            MethodError: the card does not declare `uses.reports: count`.
        """
        return self._told(CountedCase, "count")

    @property
    def presence(self) -> Sequence[PresenceCase]:
        """CT-Report pairs with nothing of the report but which organs have a tumor.

        Raises:
            MethodError: the card does not declare `uses.reports: presence`.
        """
        return self._told(PresenceCase, "presence")

    @property
    def text(self) -> Sequence[TextCase]:
        """CT-Report pairs with a vector of the report's text.

        Raises:
            MethodError: the card does not declare `uses.reports: text`.
        """
        return self._told(TextCase, "text")

    @property
    def images(self) -> Sequence[StoredCase]:
        """Every training CT, with no label.

        Raises:
            MethodError: the card does not declare `uses.all_images`.
        """
        self._require(self.card.uses.all_images, "uses.all_images")
        return self.image_cases

    @property
    def withheld(self) -> Sequence[StoredCase]:
        """Report cases with the tumor masks that nobody else may see: for the ceiling control alone.

        Raises:
            MethodError: the card does not declare `control: ceiling`.
        """
        self._require(self.card.control == "ceiling", "control: ceiling")
        return self.withheld_cases

    def truth(self, case_id: str) -> dict[str, Bool[np.ndarray, "x y z"]]:
        """Tumor masks of a test case, on the CT's own grid: for the ceiling control alone.

        Raises:
            MethodError: the card does not declare `control: ceiling`.
        """
        self._require(self.test_truth is not None, "control: ceiling")
        assert self.test_truth is not None
        return self.test_truth(case_id)

    def _told(self, kind: type[ReportCaseT], declared: str) -> Sequence[ReportCaseT]:
        self._require(self.card.uses.reports == declared, f"uses.reports: {declared}")
        return [case for case in self.report_cases if isinstance(case, kind)]

    def _require(self, allowed: bool, declaration: str) -> None:
        if not allowed:
            raise MethodError(
                f"method '{self.card.name}' asked for what its card does not declare: {declaration}. Declare "
                f"it in methods/{self.card.name}/method.yaml, whose row of Table 1 must agree, or do without"
            )


def _reduced(
    reports: Sequence[ReportCase],
    declared: str,
    vectors: Callable[[], Mapping[str, Float[np.ndarray, " e"]]],
) -> Sequence[AnyReportCase]:
    """Keep of the reports what a method may know."""
    if declared == "count":
        return [CountedCase(case.stored, tumor_counts(case.findings)) for case in reports]
    if declared == "presence":
        return [PresenceCase(case.stored, organ_presence(case.findings)) for case in reports]
    if declared == "text":
        found = vectors()
        return [TextCase(case.stored, found.get(case.stored.case_id)) for case in reports]
    return reports if declared == "details" else ()


@dataclass(frozen=True)
class Task:
    """Everything that is equal for all methods."""

    cohort: VisibleCohort
    targets: tuple[str, ...]
    preprocess: Preprocess
    network: Network
    schedule: Schedule
    engine: Settings
    inference: Predict
    seed: int
    device: str
    workdir: Path
    upstream: Mapping[str, Path]  # run folders of what the card needs, by method name
    # Scores a predictor on the held-out tenth (`rsuper.held_out`); None: the experiment does not validate.
    held_out: HeldOut | None = None


@dataclass(frozen=True)
class TestVolume:
    """A CT to predict: in the store, and the shape of its own grid."""

    __test__ = False  # pytest: not a test class

    stored: StoredCase
    native_shape: Shape

    @property
    def case_id(self) -> str:
        """Key of the case."""
        return self.stored.case_id


@dataclass(frozen=True)
class Prediction:
    """Tumor probability per target on the CT's own grid."""

    case_id: str
    probabilities: Mapping[str, Float[np.ndarray, "x y z"]]
