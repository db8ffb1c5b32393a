"""Extraction errors made on purpose: what is lost if whoever reads the reports errs this often."""

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rsuper.reports.findings import ORGANS, SEGMENTS, TARGETS, Finding, ReportFindings, Target
from rsuper.reports.presence import organ_presence

Place = tuple[Target, tuple[str, ...]]


class ErrorRates(BaseModel):
    """How often an extractor errs, by kind of error; the default errs never."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    missed: float = Field(0.0, ge=0, le=1, description="share of findings that are not read")
    misplaced: float = Field(0.0, ge=0, le=1, description="share of findings read at a wrong place")
    size_noise: float = Field(0.0, ge=0, le=1, description="standard deviation of the log (base e) diameter")
    invented: float = Field(0.0, ge=0, le=1, description="share of tumor-free organs that get a finding")


def with_errors(
    reports: Sequence[ReportFindings], rates: ErrorRates, generator: np.random.Generator
) -> list[ReportFindings]:
    """Make an extractor's errors in what was read.

    Missed: a finding is dropped, with all tumors that it stands for. A target without any finding left is
    `absent`, as nobody who missed its tumors would know of any.

    Misplaced: a finding with segments goes to a single other segment (a kidney is one, too), as often of its
    own organ as of another one; a finding without segments goes to another organ as a whole, as does one
    that names all segments. Number and sizes stay.

    Size noise: all diameters of a finding are multiplied by one log-normal factor with median 1. So the shape
    stays, and the log volume is off by three times the log diameter whether a report gives one diameter or
    three; factors of their own would partly cancel, and more so where a report is more precise. Diameters of
    an earlier examination stay, and what has no size gets none.

    Invented: an organ (the pancreas, each kidney) that its report speaks of and leaves free of tumor gets a
    certain finding of another report on the same target; a kidney's side becomes that of the organ. An organ
    stays free where no other report has such a finding.

    Every kind draws from a stream of its own, once per finding or organ whatever the rates: changing a rate
    changes nobody that another kind hits, and what is hit at a low rate is hit at a higher one in the same
    way. Errors are made in the reports as given: an invented finding is not missed, misplaced or of another
    size, and an organ whose tumors were missed is not given one.

    Args:
        reports: one per case.
        rates: how often each kind is made. Without any the generator is left as it is.
        generator: seeds the streams. Generators in the same state give the same errors.

    Returns:
        The reports as misread, in the order given; findings in the order of the report, invented ones last.

    Raises:
        TypeError: the generator's bit generator was not made from a seed sequence.
    """
    if rates == ErrorRates():
        return list(reports)
    missing, misplacing, sizing, inventing = generator.spawn(4)
    number = sum(len(report.findings) for report in reports)
    missed = missing.random(number) < rates.missed
    misplaced, where = misplacing.random((2, number))
    factors = np.exp(rates.size_noise * sizing.standard_normal(number))
    read = iter(zip(missed, misplaced < rates.misplaced, where, factors, strict=True))
    changed = []
    for report, invented in zip(reports, _inventions(reports, rates.invented, inventing), strict=True):
        found = []
        for finding in report.findings:
            lost, moved, draw, factor = next(read)
            if lost:
                continue
            organ, segments = _wrong_place(finding, draw) if moved else (finding.organ, finding.segments)
            diameters = tuple(float(diameter * factor) for diameter in finding.diameters_mm)
            found.append(_changed(finding, organ=organ, segments=segments, diameters_mm=diameters))
        changed.append(_with_findings(report, [*found, *invented]))
    return changed


def _wrong_place(finding: Finding, draw: float) -> Place:
    """Choose another place by a number from [0, 1): the first half is the own organ, where it has one."""
    segments = finding.segments if finding.segments != SEGMENTS[finding.organ] else ()
    others = [target for target in TARGETS if target != finding.organ]
    own: list[Place] = [(finding.organ, (s,)) for s in SEGMENTS[finding.organ] if s not in segments]
    elsewhere: list[Place] = [(target, (s,)) for target in others for s in SEGMENTS[target]]
    halves = [own, elsewhere] if segments else [[(target, ()) for target in others]]
    half, position = divmod(draw * len(halves), 1)
    places = halves[int(half)]
    return places[int(position * len(places))]


def _inventions(
    reports: Sequence[ReportFindings], rate: float, generator: np.random.Generator
) -> Iterator[list[Finding]]:
    """Yield per report the findings of others that its tumor-free organs get."""
    organs = [(target, organ) for target in TARGETS for organ in ORGANS[target]]
    hits, draws = generator.random((2, len(reports), len(organs)))
    givers = {
        target: [(index, f) for index, giver in enumerate(reports) for f in giver.of(target) if f.certain]
        for target in TARGETS
    }
    for index, report in enumerate(reports):
        presence = organ_presence(report)
        invented = []
        for (target, organ), hit, draw in zip(organs, hits[index], draws[index], strict=True):
            free = presence[organ] is False and target not in report.unmentioned
            others = [finding for giver, finding in givers[target] if giver != index]
            if free and hit < rate and others:
                finding = others[int(draw * len(others))]
                segments = finding.segments if organ == target else (organ.removeprefix(f"{target}_"),)
                # The sentence stands in the other report.
                invented.append(_changed(finding, segments=segments, span=(0, 0)))
        yield invented


def _with_findings(report: ReportFindings, findings: Sequence[Finding]) -> ReportFindings:
    """Give a report other findings, and say of every target what then holds."""
    named = {finding.organ for finding in findings}
    emptied = [target for target in TARGETS if report.of(target) and target not in named]
    return ReportFindings.model_validate(
        report.model_dump(exclude={"findings", "absent", "unmentioned"})
        | {
            "findings": tuple(findings),
            "absent": (*(target for target in report.absent if target not in named), *emptied),
            "unmentioned": tuple(target for target in report.unmentioned if target not in named),
        }
    )


def _changed(finding: Finding, **changes: object) -> Finding:
    return Finding.model_validate(finding.model_dump() | changes)
