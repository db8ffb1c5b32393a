"""What an extractor got wrong about one target of one report, by kind."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rsuper.reports.accuracy import compare_target
from rsuper.reports.findings import Finding, ReportFindings
from rsuper.reports.truth import Truth, status_of

# A size is right within this: reports round to it.
SIZE_MM = 1.0
_FLOAT_ERROR_MM = 1e-6

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "missed_tumor": "a tumor is stated, none is read",
        "invented_tumor": "no tumor is stated, one is read",
        "falsely_free": "read as free of tumor, which the report does not say (missed tumors among them)",
        "free_missed": "said to be free of tumor, read as if nothing was said",
        "wrong_mention": "described, and read as never named; or the reverse",
        "wrong_segment": "a tumor is read in another segment than stated",
        "missing_segment": "a stated segment is not read",
        "extra_segment": "a segment is read that is not stated",
        "size_missing": "a size is stated, none is read",
        "size_wrong": "a size is read that differs by more than 1 mm, or in the number of diameters",
        "size_invented": "no size is stated, one is read",
        "wrong_count": "another number of tumors",
        "wrong_certainty": "a certain tumor is read as doubtful; or the reverse",
        "unread": "no usable answer: neither a tumor nor its absence was read",
    }
)


def errors_of(truth: Truth, read: ReportFindings | None, target: str) -> tuple[str, ...]:
    """Name what was read wrongly of a target: keys of KINDS, in their order, each once.

    Segments, sizes and certainty are compared tumor by tumor, and only where a tumor is both stated and read.

    Args:
        truth: what the report says; doubtful targets have no errors.
        read: by an extractor; None where it gave no usable answer.
        target: the organ in question.
    """
    stated = truth.status(target)
    if stated == "doubtful":
        return ()
    if read is None:
        return ("unread",)
    status = status_of(read, target)
    if stated == status == "tumor":
        found = _tumor_errors(truth, read, target)
    else:
        found = _status_errors(stated, status)
    return tuple(kind for kind in KINDS if kind in found)


def matched(
    stated: Sequence[Finding], read: Sequence[Finding]
) -> list[tuple[Finding | None, Finding | None]]:
    """Pair tumors one to one: those alike in place and size first, then in size, in place, and any.

    Returns:
        Pairs of a stated and a read tumor; None beside what has no partner.
    """
    pairs: list[tuple[Finding | None, Finding | None]] = []
    left, free = list(stated), list(read)
    for alike in (_same, same_size, _same_place, _shared_place, _any):
        for tumor in tuple(left):
            partner = next((other for other in free if alike(tumor, other)), None)
            if partner is not None:
                pairs.append((tumor, partner))
                left.remove(tumor)
                free.remove(partner)
    return [*pairs, *((tumor, None) for tumor in left), *((None, other) for other in free)]


def same_size(first: Finding, second: Finding) -> bool:
    """Whether both have a size, with as many diameters, each within SIZE_MM."""
    a, b = first.diameters_mm, second.diameters_mm
    near = (abs(x - y) <= SIZE_MM + _FLOAT_ERROR_MM for x, y in zip(a, b, strict=False))
    return bool(a) and len(a) == len(b) and all(near)


def _same(first: Finding, second: Finding) -> bool:
    unsized = not first.diameters_mm and not second.diameters_mm
    return _same_place(first, second) and (unsized or same_size(first, second))


def _same_place(first: Finding, second: Finding) -> bool:
    return first.segments == second.segments


def _shared_place(first: Finding, second: Finding) -> bool:
    return bool(set(first.segments) & set(second.segments))


def _any(first: Finding, second: Finding) -> bool:
    return True


def _status_errors(stated: str, status: str) -> set[str]:
    found = {
        "missed_tumor": stated == "tumor",
        "invented_tumor": status == "tumor",
        "falsely_free": status == "free" and stated not in ("free", "not_tumor"),
        "free_missed": stated == "free" and status in ("described", "unmentioned"),
        "wrong_mention": {stated, status} == {"described", "unmentioned"},
    }
    return {kind for kind, applies in found.items() if applies}


def _tumor_errors(truth: Truth, read: ReportFindings, target: str) -> set[str]:
    found = set() if compare_target(truth.report, read, target).count else {"wrong_count"}
    stated_places = {segment for tumor in truth.report.of(target) for segment in tumor.segments}
    read_places = {segment for tumor in read.of(target) for segment in tumor.segments}
    for tumor, other in matched(truth.report.of(target), read.of(target)):
        if tumor is not None and other is not None:
            found |= _place_error(set(tumor.segments), set(other.segments)) | _size_error(tumor, other)
            if truth.has_certainty and tumor.certain != other.certain:
                found.add("wrong_certainty")
        elif tumor is not None:  # fewer tumors read than stated: this one may be told in another's places
            found |= {"missing_segment"} if set(tumor.segments) - read_places else set()
            found |= {"size_missing"} if tumor.diameters_mm else set()
        elif other is not None:
            found |= {"extra_segment"} if set(other.segments) - stated_places else set()
    return found


def _place_error(stated: set[str], read: set[str]) -> set[str]:
    if stated == read:
        return set()
    if read < stated:
        return {"missing_segment"}
    return {"extra_segment"} if stated < read else {"wrong_segment"}


def _size_error(stated: Finding, read: Finding) -> set[str]:
    if not stated.diameters_mm:
        return {"size_invented"} if read.diameters_mm else set()
    if not read.diameters_mm:
        return {"size_missing"}
    return set() if same_size(stated, read) else {"size_wrong"}
