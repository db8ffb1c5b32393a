"""Measurements in a sentence: current and prior, exact and bounded."""

import re
from dataclasses import dataclass

_NUMBER = r"(?<![\d.])\d{1,3}(?:[.,]\d{1,2})?"
_UNIT = r"(?:mm|millimet(?:er|re)s?|cm|centimet(?:er|re)s?)\b"
_BY = r"\s{0,2}(?:x|\u00d7|\*|by)\s{0,2}"
_SIZE = re.compile(rf"{_NUMBER}\s?-?(?:{_UNIT})?(?:{_BY}{_NUMBER}\s?-?(?:{_UNIT})?){{0,2}}", re.IGNORECASE)
_PART = re.compile(rf"({_NUMBER})\s?-?({_UNIT})?", re.IGNORECASE)
_RANGE = re.compile(
    rf"({_NUMBER})\s?(?:{_UNIT})?\s?(?:-|\u2013|to|and)\s?{_NUMBER}\s?{_UNIT}(?!{_BY}\d)", re.IGNORECASE
)
_RANGE_CUE = re.compile(r"\b(?:between|ranging|range[sd]?|from|size of)\W[^\d]{0,20}$", re.IGNORECASE)
_BELOW = re.compile(r"(?:<|≤|\b(?:less|smaller) than|\b(?:under|below))\s{0,2}$", re.IGNORECASE)
_PRIOR_BEFORE = re.compile(
    r"\b(?:previous(?:ly)?|prior(?: size)?|formerly|earlier|compared (?:to|with)|versus|vs\.?|"
    r"(?:increased|decreased|grown|enlarged|shrunk|reduced)(?: in size)? from)\b[^\d.;]{0,40}$",
    re.IGNORECASE,
)
_PRIOR_AFTER = re.compile(
    r"^\s{0,2}(?:previously|on (?:the |a )?(?:prior|previous|earlier)|before|at the (?:prior|previous))\b",
    re.IGNORECASE,
)
_DISTANCE = re.compile(
    r"^\s{0,2}(?:from|above|below|away|distal|proximal|apart|slices?|sections?)\b", re.IGNORECASE
)
_HEIGHT = re.compile(
    r"^\W{0,2}(?:in )?(?:the )?(?:cranio-?caudal|longitudinal|in height|\(?cc\b|cephalo-?caudal)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Measurement:
    """One size in a sentence.

    Attributes:
        start: First character in the sentence.
        end: One past the last.
        diameters_mm: One to three, as written; empty for a range or a bound from above ("< 1 cm").
        prior: Quoted from an earlier examination.
        height: Said to be craniocaudal: completes axial diameters given before.
    """

    start: int
    end: int
    diameters_mm: tuple[float, ...]
    prior: bool = False
    height: bool = False


def find_measurements(sentence: str) -> tuple[Measurement, ...]:
    """Find sizes with a unit, in order; distances ("2 cm from the hilum") and zeros are left out."""
    result: list[Measurement] = []
    position = 0
    while match := _SIZE.search(sentence, position):
        position = match.end()
        found = _measurement(sentence, match)
        if found is not None:
            result.append(found)
            position = found.end
    return tuple(result)


def _measurement(sentence: str, match: re.Match[str]) -> Measurement | None:
    before, prior_cue = sentence[max(0, match.start() - 60) : match.start()], False
    interval = _RANGE.match(sentence, match.start())
    # "increased from 35 mm to 43 mm" is a change, not a range: two measurements.
    prior_cue = bool(_PRIOR_BEFORE.search(before))
    if interval and not prior_cue and _is_range(interval[0], before):
        return Measurement(match.start(), interval.end(), ())
    diameters = _diameters_mm(match[0])
    after = sentence[match.end() : match.end() + 40]
    if not diameters or min(diameters) <= 0 or _DISTANCE.match(after):
        return None
    if _BELOW.search(before):
        diameters = ()
    prior = prior_cue or bool(_PRIOR_AFTER.match(after))
    return Measurement(match.start(), match.end(), diameters, prior, bool(_HEIGHT.match(after)))


def _is_range(text: str, before: str) -> bool:
    """Whether two numbers are the ends of a range: a dash, or a cue before "to" or "and"."""
    return (
        bool(re.search(r"[-\u2013]", text))
        or bool(re.search(r"\bto\b", text))
        or bool(_RANGE_CUE.search(before))
    )


def _diameters_mm(text: str) -> tuple[float, ...]:
    """Convert "2.3 x 1.8 cm" or "23 mm x 18 mm" to mm; a number without unit takes the next one's."""
    parts = _PART.findall(text)
    unit, result = None, []
    for number, own in reversed(parts):
        unit = own.lower() or unit
        if unit is None:
            return ()
        scale = 10.0 if unit.startswith("c") else 1.0
        result.append(round(float(number.replace(",", ".")) * scale, 3))
    return tuple(reversed(result))
