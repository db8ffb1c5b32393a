"""How many tumors a report counts, and nothing else of it: for methods that may know no more."""

from rsuper.reports.findings import TARGETS, ReportFindings


def tumor_counts(findings: ReportFindings) -> dict[str, int | None]:
    """Count the reported tumors of each target.

    None where the report gives no number: "multiple" tumors, or one that it doubts. A target that the report
    calls free, describes without a tumor or never names has 0, as in `reports.supervision.regions`.
    """
    return {target: _count(findings, target) for target in TARGETS}


def _count(findings: ReportFindings, target: str) -> int | None:
    total = 0
    for finding in findings.of(target):
        if finding.count is None or not finding.certain:
            return None
        total += finding.count
    return total
