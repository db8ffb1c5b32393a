"""Reports made up by hand or by chance, and what an extractor that errs makes of them."""

import numpy as np

from rsuper.reports.errors_made import ErrorRates, with_errors
from rsuper.reports.findings import SEGMENTS, TARGETS, Finding, ReportFindings


def report(name, *findings, absent=(), unmentioned=()):
    return ReportFindings(
        case_id=name,
        report_sha256=f"hash of {name}",
        extractor="hand",
        version="1",
        findings=findings,
        absent=absent,
        unmentioned=unmentioned,
    )


def pancreas(*segments, mm=(20.0,), **more):
    return Finding(organ="pancreas", segments=segments, diameters_mm=mm, **more)


def kidney(*segments, mm=(30.0,), **more):
    return Finding(organ="kidney", segments=segments, diameters_mm=mm, **more)


def misread(reports, seed=0, **rates):
    return with_errors(reports, ErrorRates(**rates), np.random.default_rng(seed))


def many(number=300, seed=0):
    """Reports of all kinds: places, sizes, counts, doubts; organs free, not spoken of, or never named."""
    rng = np.random.default_rng(seed)
    reports = []
    for index in range(number):
        findings, absent, unmentioned = [], [], []
        for target in TARGETS:
            kind = rng.integers(6)
            if kind > 2:
                findings += [_finding(target, rng) for _ in range(rng.integers(1, 4))]
            elif kind:
                (absent if kind == 1 else unmentioned).append(target)
        reports.append(report(f"r{index}", *findings, absent=tuple(absent), unmentioned=tuple(unmentioned)))
    return reports


def _finding(target, rng):
    segments = tuple(s for s in SEGMENTS[target] if rng.random() < 0.5)
    diameters = sorted(rng.uniform(5, 60, rng.integers(4)).tolist(), reverse=True)
    return Finding(
        organ=target,
        segments=segments,
        diameters_mm=tuple(diameters),
        certain=bool(rng.random() < 0.9),
        count=[1, 1, 2, None][rng.integers(4)],
        span=(index := int(rng.integers(100)), index + 7),
    )
