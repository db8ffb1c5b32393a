"""How often an extractor is right about a target: presence, location, size, number; with intervals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from rsuper.reports.accuracy import compare_target
from rsuper.reports.disagreement import KINDS, errors_of, matched, same_size
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.truth import Truth, status_of
from rsuper.stats.interval import wilson_interval
from rsuper.stats.quantile import quantile_interval

Pair = tuple[Truth, ReportFindings | None]

# Name -> what it is, and how it is counted: right, and of how many.
SHARES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "presence_sensitivity": ("tumor stated, and read", "hits", "tumors"),
        "presence_precision": ("tumor read, and stated", "hits", "tumors_read"),
        "presence_specificity": ("no tumor stated, and none read", "others_right", "others"),
        "location_sensitivity": ("place stated, and read", "places_right", "places"),
        "location_precision": ("place read, and stated", "places_right", "places_read"),
        "location_all_right": ("all places of an organ right", "organs_right", "tumors"),
        "size_within_1_mm": ("stated size read within 1 mm", "sizes_right", "sizes"),
        "count_right": ("number of tumors right", "counts_right", "tumors"),
        "free_sensitivity": ("said to be free, and read so", "free_right", "free"),
        "free_precision": ("read as free, and said so", "free_read_right", "free_read"),
    }
)
SIZE_ERRORS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "size_error_median_mm": ("error of a size, median, mm", 0.5),
        "size_error_p95_mm": ("error of a size, 95th percentile, mm", 0.95),
    }
)
ERROR = "error_"


@dataclass(frozen=True)
class Measure:
    """One number.

    Attributes:
        name: A key of SHARES or SIZE_ERRORS, or ERROR and a key of KINDS.
        count: Of what is right, or wrong for errors; None for size errors.
        n: What the value is a share of, or the number of sizes.
        value: Share, or mm; None where n is 0.
        low: Lower 95 % bound; None where there is none.
        high: Upper 95 % bound.
    """

    name: str
    count: int | None
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    size_errors_mm: list[float] = field(default_factory=list)


def measures(pairs: Sequence[Pair], target: str) -> list[Measure]:
    """Measure what was read of a target in a set of reports.

    Every share is over all reports of the set whose label is not doubtful, so what was missed or invented
    counts in location and size too. A place is an organ's segment, counted once per report; the intervals
    take places and sizes of one report as independent. The error of a size is that of the largest diameter,
    over tumors that have a size in both. Errors by kind count reports, not tumors.

    Args:
        pairs: truth, and what was read; None where there was no usable answer, which finds nothing.
        target: the organ in question.
    """
    tally = _Tally()
    for truth, read in pairs:
        _count(truth, read, target, tally)
    counts, errors = tally.counts, tally.size_errors_mm
    shares = [_share(name, int(counts[right]), int(counts[of])) for name, (_, right, of) in SHARES.items()]
    sizes = [_quantile(name, errors, share) for name, (_, share) in SIZE_ERRORS.items()]
    kinds = [_share(ERROR + kind, tally.kinds[kind], int(counts["scored"])) for kind in KINDS]
    return [*shares, *sizes, *kinds]


def _count(truth: Truth, read: ReportFindings | None, target: str, tally: _Tally) -> None:
    stated, status = truth.status(target), status_of(read, target) if read else "unread"
    if stated == "doubtful":
        return
    tally.kinds.update(errors_of(truth, read, target))
    tally.counts.update(
        scored=1,
        tumors=stated == "tumor",
        tumors_read=status == "tumor",
        hits=stated == status == "tumor",
        others=stated != "tumor",
        others_right=stated != "tumor" and status not in ("tumor", "unread"),
        free=stated == "free",
        free_right=stated == status == "free",
        free_read=status == "free",
        free_read_right=status == "free" and stated in ("free", "not_tumor"),
    )
    told, found = truth.report.of(target), read.of(target) if read else ()
    places, places_read = _places(told), _places(found)
    tally.counts.update(
        places=len(places), places_read=len(places_read), places_right=len(places & places_read)
    )
    if told and read:
        comparison = compare_target(truth.report, read, target)
        tally.counts.update(organs_right=bool(comparison.segments), counts_right=bool(comparison.count))
    for tumor, other in matched(told, found):
        if tumor is not None and tumor.diameters_mm:
            tally.counts.update(sizes=1, sizes_right=other is not None and same_size(tumor, other))
            if other is not None and other.diameters_mm:
                tally.size_errors_mm.append(abs(tumor.diameters_mm[0] - other.diameters_mm[0]))


def _places(tumors: Sequence[Finding]) -> set[str]:
    return {segment for tumor in tumors for segment in tumor.segments}


def _share(name: str, count: int, of: int) -> Measure:
    if not of:
        return Measure(name, count, of, None, None, None)
    interval = wilson_interval(count, of)
    return Measure(name, count, of, interval.value, interval.low, interval.high)


def _quantile(name: str, errors_mm: Sequence[float], share: float) -> Measure:
    if not errors_mm:
        return Measure(name, None, 0, None, None, None)
    interval = quantile_interval(errors_mm, share)
    low, high = (None if bound != bound else bound for bound in (interval.low, interval.high))
    return Measure(name, None, len(errors_mm), interval.value, low, high)
