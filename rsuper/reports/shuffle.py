"""Reports with the findings of other cases: a control for what in a report helps."""

import numpy as np

from rsuper.reports.findings import Finding, ReportFindings

# Organ, and for a kidney the side or sides: what a shuffled report still tells the truth about.
Place = tuple[str, tuple[str, ...]]


def shuffled(reports: list[ReportFindings], generator: np.random.Generator) -> list[ReportFindings]:
    """Swap the findings of every organ among the cases that have some there.

    A case keeps which of its organs (pancreas, left and right kidney) have a tumor; number, sizes and
    segments of the tumors are another case's. Nobody keeps their own, unless no other case has findings
    there. What reports say to be absent or leave unmentioned stays.

    Args:
        reports: one per case.
        generator: draws who gets whose findings.

    Returns:
        The reports with other findings, in the order given.
    """
    places = [_by_place(report) for report in reports]
    given: list[list[Finding]] = [[] for _ in reports]
    for place in sorted({place for own in places for place in own}):
        holders = [index for index, own in enumerate(places) if place in own]
        order = [holders[k] for k in generator.permutation(len(holders))]
        # Everybody takes the next one's: a single round through all leaves nobody with their own.
        for taker, giver in zip(order, order[1:] + order[:1], strict=True):
            given[taker] += places[giver][place]
    return [
        report.model_copy(update={"findings": tuple(findings)})
        for report, findings in zip(reports, given, strict=True)
    ]


def _by_place(report: ReportFindings) -> dict[Place, list[Finding]]:
    found: dict[Place, list[Finding]] = {}
    for finding in report.findings:
        sides = finding.segments if finding.organ == "kidney" else ()
        found.setdefault((finding.organ, sides), []).append(finding)
    return found
