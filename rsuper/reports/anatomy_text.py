"""Organs and their segments in a sentence."""

import re
from dataclasses import dataclass

from rsuper.reports.findings import SEGMENTS

_SEGMENT_WORDS = {"head": "head", "neck": "head", "uncinate": "head", "body": "body", "tail": "tail"}
_SEGMENT_WORDS |= {"caput": "head", "corpus": "body", "cauda": "tail"}
_SEG = r"(?:head|neck|body|tail|caput|corpus|cauda|uncinate(?:\s+process)?)"
_SEG_LIST = rf"{_SEG}(?:(?:\s*[,/-]\s*|\s+)(?:and\s+|or\s+|to\s+)?(?:the\s+)?{_SEG}){{0,3}}"
_PART = r"(?:\s+(?:portions?|regions?|parts?|segments?|junction))?"
_POLE = (
    r"(?:(?:upper|lower|mid|middle|superior|inferior|interpolar|polar|pole|region|third|anterior|posterior|"
    r"lateral|medial|native|cortical|exophytic)[\s-]+){0,3}"
)
_SIDE = r"(?:left|right|bilateral|both)"
_PANCREAS = re.compile(
    rf"\b(?P<of>{_SEG_LIST}){_PART}\s+of\s+(?:the\s+)?pancreas\b"
    rf"|\bpancreatic\s+(?P<adj>{_SEG_LIST})\b"
    r"|\bpancrea(?:s|tic)\b(?!\s+(?:duct|enzyme))"
    r"|\b(?P<uncinate>uncinate(?:\s+process)?)\b",
    re.IGNORECASE,
)
_BARE_SEGMENT = re.compile(
    rf"(?<!femoral )(?<!humeral )(?<!vertebral )(?<!gastric )\b(?P<bare>{_SEG_LIST})\b"
    r"(?!\s+(?:wall|of\s+(?!the\s+pancreas|pancreas)))",
    re.IGNORECASE,
)
_KIDNEY = re.compile(
    rf"\b(?:(?P<side>{_SIDE})(?:\s+and\s+(?P<other>left|right))?[\s-]+{_POLE}(?:the\s+)?)?"
    r"(?:kidneys?|renal|intrarenal|nephric)\b"
    r"(?!\s+(?:veins?|arter\w+|vessels?|fascia|vascul\w+|function|collecting|"
    r"adrenals?))",
    re.IGNORECASE,
)
_QUADRANT = re.compile(r"\b(?P<side>left|right)\s+(?:upper|lower)\s+quadrant\b", re.IGNORECASE)
_BARE_SIDE = re.compile(
    # Not "at the right lung base".
    r"\b(?:on|to|at)\s+the\s+(?P<side>left|right)\b(?=\s*(?:[^\w\s]|$|(?:and|or|is|are|with|measur\w+)\b))|\b(?P<sided>left|right)(?=[\s-]sided|\s*\()",
    re.I,
)
_OTHER = re.compile(
    r"\b(?:liver|hepatic|spleen|splenic|adrenals?|su(?:pra|r)renals?|lungs?|pulmonary|stomach|gastric|bowel|colon\w*|duoden\w*|"
    r"jejun\w*|ile(?:um|al)|gallbladder|bil(?:e|iary)|aort\w*|lymph|nodal|thyroid|breasts?|bladder|prostat\w*|uter(?:us|ine)|"
    r"ovar(?:y|ies|ian)|adnexa\w*|bon[ey]s?|vertebra\w*|oss(?:eous|icles)|skelet\w*|mediastin\w*|"
    r"periton\w*|retroperiton\w*|mesenter\w*|"
    r"oment\w*|pleura\w*|heart|cardiac|cardiophrenic|thora\w*|chest|pelvi[cs]|esophag\w*|trachea\w*|rect(?:um|al)|psoas|"
    r"muscles?|subcutaneous|peripancreatic|appendix|abdominal wall|rib|"
    # Not the adjective: "a soft tissue mass in the kidney".
    r"soft tissues?(?![\s-]+(?:mass|nodul|lesion|densit|compon|tumou?r|neoplas))|"
    r"spine|brain|skin|hilar|axilla\w*|ureter\w*|"
    r"lobes?|seminal|ventric\w*|fascia|endometri\w*|perirenal|pararenal|fat planes?|myeloma|"
    r"segment \d)\b",
    re.IGNORECASE,
)
_RELATION = re.compile(
    r"\b(?:invad\w+|abut\w*|encas\w+|contact\w*|adjacent|near|next to|close to|exten\w+|displac\w+|"
    r"separate from|unrelated to|obstruct\w+|compress\w+|surround\w*|from|toward\w*|touch\w*|"
    r"infiltrat\w+|beside|between|anterior to|posterior to|lateral to|medial to|inferior to|superior to)\s+"
    r"(?:(?:\w+\s+){0,3}|(?:\w+\s+){0,4}\w+-)$",
    re.IGNORECASE,
)
_ARISING = re.compile(
    r"\b(?:aris(?:ing|es?|en)|originat(?:ing|es?)|emanat(?:ing|es?))\s+(?:\w+\s+){0,4}$", re.IGNORECASE
)
_ANY_TARGET = {
    "pancreas": re.compile(r"\bpancrea(?:s|tic)\b|\buncinate\b", re.IGNORECASE),
    "kidney": re.compile(r"\b(?:kidneys?|renal|nephr(?:ectom|omegal|olith)\w*)\b", re.IGNORECASE),
}
_REMOVED_KIDNEY = re.compile(
    r"\b(?P<side>left|right)\s+(?:kidney\s+(?:is|was|has been)\s+(?:\w+\s+)?"
    r"(?:not\s+(?:observed|seen|visuali[sz]ed|present)|absent|removed)|(?:\w+\s+)?nephrectom\w+)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Anchor:
    """An organ named in a sentence.

    Attributes:
        start: First character in the sentence.
        end: One past the last.
        organ: A target, or "other" for every organ that is no target.
        segments: Segments named with it; empty if none.
        neighbor: Named only as a neighbor of something else ("abutting the liver").
    """

    start: int
    end: int
    organ: str
    segments: tuple[str, ...] = ()
    neighbor: bool = False


def find_anchors(sentence: str, context: str | None = None) -> tuple[Anchor, ...]:
    """Find the organs a sentence names, in order and without overlap.

    Args:
        sentence: One sentence.
        context: Organ of the sentence before, which gives a meaning to a bare "head" or "on the left".
    """
    found = [
        Anchor(m.start(), m.end(), "pancreas", _pancreas_segments(m[0])) for m in _PANCREAS.finditer(sentence)
    ]
    quadrants = {m["side"].lower() for m in _QUADRANT.finditer(sentence)}
    unsaid = tuple(quadrants) if len(quadrants) == 1 else ()  # "in the right upper quadrant, in the kidney"
    found += [Anchor(m.start(), m.end(), "kidney", _sides(m) or unsaid) for m in _KIDNEY.finditer(sentence)]
    organs = {a.organ for a in found} or {context or ""}
    if "pancreas" in organs:
        bare = _BARE_SEGMENT.finditer(sentence)
        found += [Anchor(m.start(), m.end(), "pancreas", _pancreas_segments(m[0])) for m in bare]
    if "kidney" in organs:
        sided = _BARE_SIDE.finditer(sentence)
        found += [Anchor(m.start(), m.end(), "kidney", ((m["side"] or m["sided"]).lower(),)) for m in sided]
    found += [Anchor(m.start(), m.end(), "other") for m in _OTHER.finditer(sentence)]
    return tuple(_as_neighbor(a, sentence) for a in _without_overlap(found))


def mentions_target(text: str, target: str) -> bool:
    """Whether the text names the target or a part of it, ducts and vessels included."""
    return bool(_ANY_TARGET[target].search(text))


def removed_segments(text: str, target: str) -> set[str]:
    """Segments of a target that a sentence says were removed: the side of a nephrectomy."""
    if target != "kidney":
        return set()
    partial = re.search(r"\bpartial\b", text, re.IGNORECASE)
    return set() if partial else {m["side"].lower() for m in _REMOVED_KIDNEY.finditer(text)}


def is_neighbor(sentence: str, position: int) -> bool:
    """Whether what stands at `position` is only a neighbor of something named before it."""
    before = sentence[max(0, position - 60) : position]
    return bool(_RELATION.search(before)) and not _ARISING.search(before)


def _without_overlap(anchors: list[Anchor]) -> list[Anchor]:
    """Keep the longest of overlapping anchors."""
    kept: list[Anchor] = []
    for anchor in sorted(anchors, key=lambda a: (a.start, -a.end)):
        if not kept or anchor.start >= kept[-1].end:
            kept.append(anchor)
    return kept


def _as_neighbor(anchor: Anchor, sentence: str) -> Anchor:
    neighbor = is_neighbor(sentence, anchor.start)
    return Anchor(anchor.start, anchor.end, anchor.organ, anchor.segments, neighbor)


def _pancreas_segments(text: str) -> tuple[str, ...]:
    named = {
        value for word, value in _SEGMENT_WORDS.items() if re.search(rf"\b{word}\b", text, re.IGNORECASE)
    }
    return tuple(s for s in SEGMENTS["pancreas"] if s in named)


def _sides(match: re.Match[str]) -> tuple[str, ...]:
    side = (match["side"] or "").lower()
    if not side:
        return ()
    if side in ("bilateral", "both") or (match["other"] or side).lower() != side:
        return SEGMENTS["kidney"]
    return (side,)
