"""Which organs a report says bear a tumor, and nothing else of it: for methods that may know no more."""

from rsuper.reports.findings import ORGANS, ReportFindings
from rsuper.reports.supervision import State, case_truth, regions


def organ_presence(findings: ReportFindings) -> dict[str, bool | None]:
    """Say of each organ (the pancreas, each kidney) whether the report gives it a tumor.

    None: the report leaves it open; of a kidney also where it names a tumor without its side.
    """
    found: dict[str, bool | None] = {"pancreas": case_truth(findings, "pancreas")}
    for region in regions(findings):
        for kidney in ORGANS["kidney"]:
            if kidney in region.structures:
                found[kidney] = _kidney(region.state, len(region.structures) == 1)
    return found


def _kidney(state: State, alone: bool) -> bool | None:
    if state == State.NEGATIVE:
        return False
    sure = state in (State.POSITIVE_SIZED, State.POSITIVE_UNSIZED) and alone
    return True if sure else None
