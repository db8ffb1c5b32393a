import numpy as np

from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.shuffle import shuffled


def report(name, *findings, absent=()):
    return ReportFindings(
        case_id=name, report_sha256="0", extractor="hand", version="1", findings=findings, absent=absent
    )


def pancreas(segment, *diameters):
    return Finding(organ="pancreas", segments=(segment,), diameters_mm=diameters)


def kidney(side, *diameters):
    return Finding(organ="kidney", segments=(side,), diameters_mm=diameters)


REPORTS = [
    report("a", pancreas("head", 20.0), kidney("left", 30.0)),
    report("b", pancreas("tail", 25.0, 20.0), pancreas("body", 12.0)),
    report("c", kidney("left", 18.0), absent=("pancreas",)),
    report("d", kidney("right", 40.0)),
    report("e", absent=("pancreas", "kidney")),
]


def organs(found):
    return {(f.organ, f.segments if f.organ == "kidney" else ()) for f in found.findings}


def test_organs_stay_and_findings_are_another_cases():
    for seed in range(20):
        mixed = shuffled(REPORTS, np.random.default_rng(seed))
        assert [found.case_id for found in mixed] == list("abcde")
        for before, after in zip(REPORTS, mixed, strict=True):
            assert organs(after) == organs(before)
            assert (after.absent, after.report_sha256) == (before.absent, before.report_sha256)
        # Two cases hold a pancreas, two a left kidney: they swap. Nobody shares d's right kidney.
        assert mixed[0].of("pancreas") == REPORTS[1].of("pancreas")
        assert mixed[1].of("pancreas") == REPORTS[0].of("pancreas")
        assert mixed[0].of("kidney") == REPORTS[2].of("kidney")
        assert mixed[3] == REPORTS[3]
        assert mixed[4] == REPORTS[4]


def test_nobody_keeps_their_own_and_nothing_is_lost():
    many = [report(f"r{i}", pancreas("head", 10.0 + i)) for i in range(30)]
    first, again, other = (shuffled(many, np.random.default_rng(seed)) for seed in (0, 0, 1))
    sizes = [found.findings[0].diameters_mm[0] for found in first]
    assert sorted(sizes) == [10.0 + i for i in range(30)]
    assert all(size != 10.0 + i for i, size in enumerate(sizes))
    assert first == again
    assert first != other


def test_no_reports():
    assert shuffled([], np.random.default_rng(0)) == []
