"""What a report says, as its writer or a person's labels tell it: what an extractor is scored against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rsuper.reports.findings import ReportFindings

Status = Literal["tumor", "free", "described", "unmentioned"]
# Labels that say less than a status: free, described or unmentioned; and tumor as well as not.
Loose = Literal["not_tumor", "doubtful"]


@dataclass(frozen=True)
class Truth:
    """What an extractor should read in one report.

    Attributes:
        report: Findings, organs free and unmentioned.
        loose: Targets of which less is known; these have no findings and are neither absent nor unmentioned.
        has_certainty: Whether `certain` of the findings is known.
    """

    report: ReportFindings
    loose: Mapping[str, Loose] = field(default_factory=dict)
    has_certainty: bool = True

    def status(self, target: str) -> Status | Loose:
        """Tell what the report says of a target."""
        return self.loose.get(target) or status_of(self.report, target)


def status_of(report: ReportFindings, target: str) -> Status:
    """Tell what was read of a target; a doubtful tumor is a tumor here."""
    if report.of(target):
        return "tumor"
    if target in report.absent:
        return "free"
    return "unmentioned" if target in report.unmentioned else "described"
