"""Free text to findings with rules: offline, in milliseconds, the same every time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rsuper.reports.anatomy_text import Anchor, find_anchors, mentions_target, removed_segments
from rsuper.reports.findings import SEGMENTS, TARGETS, Finding, ReportFindings, report_sha256
from rsuper.reports.linking import assign_sizes, organs_of
from rsuper.reports.repeats import fill, fits, merge_repeats
from rsuper.reports.sections_text import Sentence, sentences
from rsuper.reports.sizes_text import Measurement, find_measurements
from rsuper.reports.tumor_text import Mention, find_mentions, other_things, says_benign

EXTRACTOR = "rules"
VERSION = "6"  # raised whenever a rule changes what is extracted

# "It measures 2 cm. A second mass ..." still speaks of the organ named before; further on it is a guess.
_CONTEXT_SENTENCES = 2
_NORMAL = re.compile(
    r"\b(?:normal|normally|natural|naturally|unremarkable|within normal limits|"
    r"without (?:focal )?abnormalit\w+|"
    r"no (?:focal )?abnormalit\w+|clear)\b",
    re.IGNORECASE,
)
_NOT_NORMAL = re.compile(r"\bnot\s+(?:\w+\s+)?normal\b|\babnormal\b|\bthan normal\b", re.IGNORECASE)
# "It may be a renal tumor." tells of what the sentence before told.
_PRONOUN = re.compile(
    r"\W{0,3}(?:it|they|this|these)\s+(?:may|might|could|can|is|are|was|were)\b", re.IGNORECASE
)
_NEW_TUMOR = re.compile(r"\b(?:second|third|another|additional|further|separate|other)\b", re.IGNORECASE)


@dataclass
class _Reading:
    """What has been read so far; local to one call of `extract`."""

    text: list[Finding] = field(default_factory=list)
    summary: list[Finding] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    free: set[tuple[str, str]] = field(default_factory=set)  # target and segment said to have no tumor
    removed: set[tuple[str, str]] = field(default_factory=set)
    open: list[Finding] = field(default_factory=list)  # of a kind that a later sentence may call benign
    named: set[str] = field(default_factory=set)
    context: tuple[Anchor, ...] = ()
    context_age: int = 0
    last_is_tumor: bool = False

    def section(self, sentence: Sentence) -> list[Finding]:
        return self.summary if sentence.summary else self.text

    def clear(self, anchors: Sequence[Anchor]) -> None:
        """Note organs and segments that have no tumor."""
        self.absent |= _whole_organs(anchors)
        self.free |= {(a.organ, segment) for a in anchors for segment in a.segments}

    def cleared(self) -> set[str]:
        """Targets without a tumor: as a whole, or segment by segment, those apart that were removed."""
        by_part = {
            target
            for target in TARGETS
            if (own := {s for t, s in self.free if t == target})
            and own | {s for t, s in self.removed if t == target} >= set(SEGMENTS[target])
        }
        return self.absent | by_part

    def retract(self, which: Sequence[Finding]) -> None:
        """Take back findings of an open kind that turn out to be no tumors."""
        for found in (self.text, self.summary, self.open):
            found[:] = [f for f in found if not any(f is other for other in which)]

    def retract_last(self) -> None:
        """Take back those of the last sentence that told of any."""
        if self.open:
            self.retract([f for f in self.open if f.span == self.open[-1].span])


def extract(case_id: str, text: str) -> ReportFindings:
    """Read the tumors of all targets from a report.

    Never raises, whatever the text. Empty text gives no findings and every target unmentioned. History,
    technique and comparison sections are not read; a tumor told again in the impression counts once. The
    rules lean to caution: a range, a bound ("sub-centimeter") or several tumors with one size leave the size
    unknown. Time is linear in the length of the text.
    """
    reading = _Reading()
    for sentence in sentences(text):
        _read(sentence, reading)
    findings = merge_repeats(reading.text, reading.summary)
    positive = {f.organ for f in findings}
    return ReportFindings(
        case_id=case_id,
        report_sha256=report_sha256(text),
        extractor=EXTRACTOR,
        version=VERSION,
        findings=findings,
        absent=tuple(t for t in TARGETS if t in reading.cleared() - positive),
        unmentioned=tuple(t for t in TARGETS if t not in reading.named | reading.absent | positive),
    )


def _read(sentence: Sentence, reading: _Reading) -> None:
    text = sentence.text
    reading.named |= {t for t in TARGETS if mentions_target(text, t)}
    reading.removed |= {(t, segment) for t in TARGETS for segment in removed_segments(text, t)}
    context = reading.context[-1].organ if reading.context else None
    anchors = find_anchors(text, context)
    mentions = find_mentions(text)
    things = other_things(text)
    sizes = assign_sizes(text, find_measurements(text), mentions, things, anchors)
    for number, mention in enumerate(mentions):
        if _announces(mentions[number:]):
            continue
        until = mentions[number + 1].start if number + 1 < len(mentions) else len(text)
        _read_mention(
            sentence,
            mention,
            sizes.get(number, []),
            organs_of(text, mention, anchors, things, until, reading.context),
            reading,
        )
    _attach_to_last(sizes.get(None, []), sentence, reading)
    if not mentions and reading.last_is_tumor and says_benign(text):
        reading.retract_last()
    if not mentions and _NORMAL.search(text) and not _NOT_NORMAL.search(text):
        reading.clear([a for a in anchors if not a.neighbor])
    strong = tuple(a for a in anchors if not a.neighbor)
    reading.context_age = 0 if strong else reading.context_age + 1
    if strong or reading.context_age > _CONTEXT_SENTENCES:
        reading.context = strong
    if mentions or things:
        positive = any(not (m.denied or m.benign) for m in mentions)
        reading.last_is_tumor = positive or (reading.last_is_tumor and bool(sizes.get(None)))


def _read_mention(
    sentence: Sentence,
    mention: Mention,
    sizes: Sequence[Measurement],
    where: Sequence[Anchor],
    reading: _Reading,
) -> None:
    targets = [a for a in where if a.organ in TARGETS]
    if mention.denied:
        reading.clear(targets)
        return
    if mention.benign:
        if mention.open and not sizes:
            _retell_as_benign(sentence, mention, targets, reading)
        return
    section = reading.section(sentence)
    before = sentence.text[mention.clause[0] : mention.start]
    definite = mention.definite or bool(_PRONOUN.match(sentence.text))
    points_back = definite and not _NEW_TUMOR.search(before)
    for finding in _findings(sentence, mention, sizes, targets):
        same = [i for i, f in enumerate(section) if fits(f, finding)] if points_back else []
        if same:
            told = section[same[-1]]
            finding = section[same[-1]] = fill(told, finding)
            still_open = mention.open and any(told is f for f in reading.open)
            reading.open = [f for f in reading.open if f is not told]
        else:
            section.append(finding)
            still_open = mention.open
        if still_open:
            reading.open.append(finding)


def _retell_as_benign(
    sentence: Sentence, mention: Mention, targets: Sequence[Anchor], reading: _Reading
) -> None:
    """Take back what "the lesion was thought to be a cyst" or "lesion (cyst?), right kidney" tells again."""
    if mention.definite and not targets:
        reading.retract_last()
        return
    again = _findings(sentence, mention, (), targets)
    reading.retract([f for f in reading.open if any(fits(f, other) for other in again)])


def _announces(mentions: Sequence[Mention]) -> bool:
    """Whether the first mention only announces the rest: "two masses: one ... mass and one ... mass"."""
    first, rest = mentions[0], [m for m in mentions[1:] if not (m.denied or m.benign)]
    return first.plural and not first.denied and len(rest) > 1 and first.count in (None, len(rest))


def _findings(
    sentence: Sentence, mention: Mention, sizes: Sequence[Measurement], targets: Sequence[Anchor]
) -> list[Finding]:
    """Turn one mention into findings: one per organ, per side, or per size of a list."""
    result: list[Finding] = []
    current = [m for m in sizes if not m.prior]
    for organ in TARGETS:
        named = [a for a in targets if a.organ == organ]
        if not named:
            continue
        pairs = _pairs(mention, current, named) if mention.plural else [(_segments(named), current)]
        for segments, measured in pairs:
            single = not mention.plural or (len(pairs) > 1 and bool(measured))
            result.append(
                Finding(
                    organ=organ,
                    segments=segments,
                    diameters_mm=_diameters(measured),
                    attenuation=mention.attenuation,
                    certain=not mention.doubted,
                    count=1 if single else (mention.count if len(pairs) == 1 else None),
                    span=(sentence.start, sentence.start + len(sentence.text)),
                    prior_mm=next((_sorted(m.diameters_mm) for m in sizes if m.prior), ()),
                )
            )
    return result


_Pair = tuple[tuple[str, ...], Sequence[Measurement]]


def _pairs(mention: Mention, sizes: Sequence[Measurement], named: Sequence[Anchor]) -> list[_Pair]:
    """Share the sizes of "masses in head (23 mm) and tail (15 mm)" among their places, in order."""
    single = [a for a in named if len(a.segments) == 1]
    places = [(s,) for a in (single if len(single) > 1 else named) for s in a.segments]
    places = list(dict.fromkeys(places))
    stated = [m for m in sizes if m.diameters_mm]
    if len(stated) > 1 and len(stated) == len(places):
        return [(place, [size]) for place, size in zip(places, stated, strict=True)]
    if len(stated) > 1 and mention.count in (None, len(stated)) and len(places) <= 1:
        return [(_segments(named), [size]) for size in stated]
    if named[0].organ == "kidney" and len(places) > 1:
        return [(place, ()) for place in places]
    return [(_segments(named), sizes)]


def _attach_to_last(sizes: Sequence[Measurement], sentence: Sentence, reading: _Reading) -> None:
    """Give "It measures 23 mm." to the tumor of the sentence before."""
    section = reading.section(sentence)
    if not sizes or not section or not reading.last_is_tumor:
        return
    last = section[-1]
    current = _diameters([m for m in sizes if not m.prior])
    prior = next((_sorted(m.diameters_mm) for m in sizes if m.prior), ())
    update = {"diameters_mm": last.diameters_mm or current, "prior_mm": last.prior_mm or prior}
    section[-1] = last.model_copy(update=update)


def _whole_organs(anchors: Sequence[Anchor]) -> set[str]:
    """Targets that are named as a whole or with all of their segments."""
    result: set[str] = set()
    for target in TARGETS:
        named = [a for a in anchors if a.organ == target]
        segments = {s for a in named for s in a.segments}
        if any(not a.segments for a in named) or segments == set(SEGMENTS[target]):
            result.add(target)
    return result


def _segments(anchors: Sequence[Anchor]) -> tuple[str, ...]:
    named = {s for a in anchors for s in a.segments}
    return tuple(s for s in SEGMENTS[anchors[0].organ] if s in named)


def _diameters(sizes: Sequence[Measurement]) -> tuple[float, ...]:
    """Diameters of one tumor: the first size, completed by a craniocaudal one given apart."""
    stated = [m for m in sizes if m.diameters_mm]
    if not stated:
        return ()
    diameters = stated[0].diameters_mm
    for more in stated[1:]:
        if more.height and len(more.diameters_mm) == 1 and len(diameters) < 3:
            diameters += more.diameters_mm
    return _sorted(diameters)


def _sorted(diameters_mm: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted(diameters_mm, reverse=True))
