"""From findings to what a report may teach: regions of each target with state, volumes and diameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from rsuper.reports.findings import STRUCTURES, TARGETS, Finding, ReportFindings
from rsuper.reports.sizes import SizeRule, tumor_volume_mm3

Unmentioned = Literal["negative", "unknown"]


class State(StrEnum):
    """What is known about tumors in a region; only a mask makes a region `ANNOTATED`."""

    ANNOTATED = "annotated"
    POSITIVE_SIZED = "positive_sized"
    POSITIVE_UNSIZED = "positive_unsized"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TumorSize:
    """One tumor of known size; `structures` are those its report names (all of the organ's if none)."""

    volume_mm3: float
    diameter_mm: float
    structures: tuple[str, ...]


@dataclass(frozen=True)
class Region:
    """Structures of one target that are supervised together; `tumors` is filled if all sizes are known."""

    target: str
    structures: tuple[str, ...]
    state: State
    tumors: tuple[TumorSize, ...] = ()


def regions(
    findings: ReportFindings | None,
    *,
    unmentioned: Unmentioned = "negative",
    size_rule: SizeRule = "paper",
) -> tuple[Region, ...]:
    """Divide every target into regions; every structure is in exactly one.

    Structures that one finding names are one region (a tumor in body and tail, a kidney tumor without side,
    a tumor given only as "pancreas"); structures without a tumor are a region each. A region whose only
    findings are doubtful is unknown; a doubtful finding beside a certain one leaves the size unknown.
    Largest tumor first.

    Args:
        findings: What the report says; None if the case has no report: everything is unknown.
        unmentioned: State of a target the report never names. "negative" trusts that a report on the whole
            abdomen would have named a tumor; "unknown" suits reports that cover a part of it. An organ that
            is described without a word about tumors is negative in both.
        size_rule: How diameters become a volume; see `rsuper.reports.sizes`.

    Source: §2.1, §2.2 (last paragraph: no loss where sizes are missing).
    """
    result: list[Region] = []
    for target in TARGETS:
        if findings is None or (target in findings.unmentioned and unmentioned == "unknown"):
            result += [Region(target, (s,), State.UNKNOWN) for s in STRUCTURES[target]]
            continue
        found = findings.of(target)
        for group in _groups(STRUCTURES[target], found):
            own = [f for f in found if f.structures[0] in group]
            result.append(_region(target, group, own, size_rule))
    return tuple(result)


def annotated_regions() -> tuple[Region, ...]:
    """Regions of a case whose tumor masks are complete: every structure is annotated."""
    return tuple(Region(t, (s,), State.ANNOTATED) for t in TARGETS for s in STRUCTURES[t])


def case_truth(
    findings: ReportFindings | None, target: str, *, unmentioned: Unmentioned = "negative"
) -> bool | None:
    """Whether the case has a tumor of the target; None if the report leaves it open or there is none."""
    states = {r.state for r in regions(findings, unmentioned=unmentioned) if r.target == _known(target)}
    if states & {State.POSITIVE_SIZED, State.POSITIVE_UNSIZED}:
        return True
    return None if State.UNKNOWN in states else False


def largest_diameter_mm(findings: ReportFindings | None, target: str) -> float | None:
    """Largest diameter of the certain tumors of the target; None if there is none, or none has a size."""
    found = findings.of(_known(target)) if findings is not None else ()
    return max((f.diameters_mm[0] for f in found if f.certain and f.diameters_mm), default=None)


def _known(target: str) -> str:
    if target not in TARGETS:
        raise ValueError(f"target must be one of {TARGETS}, got {target!r}")
    return target


def _groups(structures: Sequence[str], found: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Connected components of structures, joined where a finding names several."""
    groups = [{s} for s in structures]
    for finding in found:
        touched = [g for g in groups if g & set(finding.structures)]
        groups = [g for g in groups if g not in touched] + [set().union(*touched)]
    ordered = [tuple(s for s in structures if s in g) for g in groups]
    return sorted(ordered, key=lambda g: structures.index(g[0]))


def _region(target: str, group: tuple[str, ...], found: Sequence[Finding], rule: SizeRule) -> Region:
    if not found:
        return Region(target, group, State.NEGATIVE)
    if not any(f.certain for f in found):
        return Region(target, group, State.UNKNOWN)
    if not all(f.certain and f.sized for f in found):
        return Region(target, group, State.POSITIVE_UNSIZED)
    tumors = (
        TumorSize(tumor_volume_mm3(f.diameters_mm, rule=rule), f.diameters_mm[0], f.structures) for f in found
    )
    return Region(
        target, group, State.POSITIVE_SIZED, tuple(sorted(tumors, key=lambda t: t.volume_mm3, reverse=True))
    )
