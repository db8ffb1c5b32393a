"""What the audit knows about all cohorts of an experiment, and what a check returns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.data.sources.registry import named_by_hand
from rsuper.reports.findings import ReportFindings

Severity = Literal["stop", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("stop", "warning", "note")


@dataclass(frozen=True)
class Fault:
    """One thing that a check found.

    Attributes:
        severity: "stop": a run with it is worthless or would break. "warning": look at it before you train.
            "note": legal, but good to know.
        finding: what is wrong, without naming cases, and without any text of a report.
        cases: ids of all cases concerned; none where no single case is to blame.
        action: what the suite does with them.
        advice: what the user may do.
    """

    severity: Severity
    finding: str
    cases: Sequence[str]
    action: str
    advice: str


@dataclass(frozen=True)
class Known:
    """What is known about all cohorts before anything is trained.

    Attributes:
        experiment: names roles, test sets and what to do with leaked patients.
        cohorts: rows of cohort.csv of all data sets.
        facts: rows of AUDIT_FACTS: what was measured on CTs and masks.
        findings: what the reports say, by case.
    """

    experiment: Experiment
    cohorts: pd.DataFrame
    facts: pd.DataFrame
    findings: Mapping[str, ReportFindings]

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """Rows that the experiment uses: without a reason against them, and with a role that it names."""
        roles = self.training_roles | self.test_roles
        usable = (self.cohorts["reason"] == "") & self.cohorts["role"].isin(list(roles))
        return self.cohorts[usable].reset_index(drop=True)

    @cached_property
    def training_roles(self) -> frozenset[str]:
        """Roles that are trained on."""
        return frozenset(self.experiment.roles.values())

    @cached_property
    def test_roles(self) -> frozenset[str]:
        """Roles of the test sets."""
        return frozenset(test_set.role for test_set in self.experiment.test_sets.values())

    @cached_property
    def droppable(self) -> frozenset[str]:
        """Cases of downloads and of sites' tables: one that cannot be stored is left out, others go on."""
        sets = self.experiment.datasets
        lenient = [name for name, settings in sets.items() if not named_by_hand(settings)]
        return frozenset(self.cohorts.loc[self.cohorts["dataset"].isin(lenient), "case_id"])

    @cached_property
    def used_facts(self) -> pd.DataFrame:
        """Facts about the cases that the experiment uses, in the order of the table."""
        return self.facts[self.facts["case_id"].isin(set(self.cohort["case_id"]))]

    @cached_property
    def cts(self) -> pd.DataFrame:
        """Facts about readable CTs."""
        return self.used_facts[(self.used_facts["file"] == "ct") & (self.used_facts["problem"] == "")]

    @cached_property
    def masks(self) -> pd.DataFrame:
        """Facts about readable masks of organs and tumors."""
        return self.used_facts[(self.used_facts["file"] != "ct") & (self.used_facts["problem"] == "")]


Check = Callable[[Known], Iterable[Fault]]
