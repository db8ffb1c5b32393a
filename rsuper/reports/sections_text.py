"""Sections, sentences and clauses of a report, with their offsets in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Bounds the work per sentence, so that time is linear in the length of any text.
_LONGEST_SENTENCE = 1500

_HEADING = re.compile(
    r"(?:^|(?<=[\n.]))[ \t\"]*(?P<name>history|clinical(?: history| information| indication)?|indications?|"
    r"reason for exam\w*|technique|protocol|procedure|comparison(?: stud(?:y|ies))?|exam(?:ination)?|"
    r"findings|full result|results?|report|abdomen(?: and pelvis)?|impressions?|conclusions?|opinion|summary)"
    r"[ \t]*:",
    re.IGNORECASE,
)
_NOT_READ = (
    "history",
    "clinical",
    "indication",
    "reason",
    "technique",
    "protocol",
    "procedure",
    "comparison",
    "exam",
)
_SUMMARY = ("impression", "conclusion", "opinion", "summary")
# A conclusion without a heading: pieces after bullets or opening quotes, at the end of a text of sentences.
# A report that is bulleted as a whole has its first bullet near its beginning.
_BULLET = re.compile(r"(?:(?<=\s)|(?<=\.))[\"•·]\s")
_SENTENCES_BEFORE = 4
# A point, unless it ends an abbreviation; a line break, unless the line goes on in lower case.
_SENTENCE_END = re.compile(
    r"(?<!approx)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)[.!?]{1,3}(?=\s|$|\")"
    r"|\n(?=[ \t]*\n)|\n(?![ \t]*[a-z(])|[ \t][•·\"][ \t]"
)
_CLAUSE_END = re.compile(
    r";|:\s|,?\s{1,4}\b(?:but|however|although|though|whereas|while|except(?: for)?|aside from|"
    r"apart from|other than)\b"
    r"|,?\s{1,4}and\s{1,4}(?=(?:an?|there|contains?|shows?|demonstrates?|has|have)\b|\d)|,\s+(?=(?:an?|there)\s)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """One sentence; `summary` if it stands in the impression, which repeats the findings."""

    text: str
    start: int
    summary: bool


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences that describe this examination: no history, technique or comparison.

    Text before the first heading is read. A sentence longer than 1,500 characters is cut.
    """
    for start, end, summary in _sections(text):
        position = start
        for match in _SENTENCE_END.finditer(text, start, end):
            yield from _pieces(text, position, match.end(), summary)
            position = match.end()
        yield from _pieces(text, position, end, summary)


def clauses(sentence: str) -> tuple[tuple[int, int], ...]:
    """Divide a sentence into parts that a negation does not leave, as (start, end) in order."""
    result, position = [], 0
    for match in _CLAUSE_END.finditer(sentence):
        result.append((position, match.start()))
        position = match.start()
    return (*result, (position, len(sentence)))


def _sections(text: str) -> Iterator[tuple[int, int, bool]]:
    headings = list(_HEADING.finditer(text))
    starts = [0, *(h.end() for h in headings)]
    ends = [*(h.start() for h in headings), len(text)]
    names = ["", *(h["name"].lower() for h in headings)]
    for start, end, name in zip(starts, ends, names, strict=True):
        summary = name.startswith(_SUMMARY)
        if not name.startswith(_NOT_READ):
            tail = end if summary or end < len(text) else _bulleted_tail(text, start)
            yield start, tail, summary
            if tail < end:
                yield tail, end, True


def _bulleted_tail(text: str, start: int) -> int:
    """Where the conclusion without a heading begins; the length of the text if there is none."""
    bullet = _BULLET.search(text, start)
    if bullet is None:
        return len(text)
    before = len(_SENTENCE_END.findall(text, start, bullet.start()))
    return bullet.start() if before >= _SENTENCES_BEFORE else len(text)


def _pieces(text: str, start: int, end: int, summary: bool) -> Iterator[Sentence]:
    for first in range(start, end, _LONGEST_SENTENCE):
        piece = text[first : min(first + _LONGEST_SENTENCE, end)]
        body = piece.strip()
        if body:
            yield Sentence(body, first + len(piece) - len(piece.lstrip()), summary)
