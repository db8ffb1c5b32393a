"""Which organ a tumor is in, and which size is whose, within one sentence."""

import re
from collections.abc import Sequence

from rsuper.reports.anatomy_text import Anchor
from rsuper.reports.sizes_text import Measurement
from rsuper.reports.tumor_text import Mention

# Between a size and the noun it qualifies stand adjectives only ("a 23 mm solid pancreatic head mass").
_ADJECTIVES = re.compile(r"^[\s)-]*(?:\w[\w-]*\s{1,4}){0,7}$")
_LINK = re.compile(
    r"\b(?:in|of|with|and|is|are|was|at|to|from|on|measur\w*|within|by|for)\b|[,;:(]", re.IGNORECASE
)
_COORDINATION = re.compile(r"^(?:[\s,/&]|and|or|the|both|of|in)*$", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"\b(?:in|of|within|at|arising|originating|involving|centered|occupying|from)\b", re.I
)


def assign_sizes(
    text: str,
    measurements: Sequence[Measurement],
    mentions: Sequence[Mention],
    things: Sequence[tuple[int, int]],
    anchors: Sequence[Anchor],
) -> dict[int | None, list[Measurement]]:
    """Give each size to the tumor it belongs to; those of a pronoun are under None, others are dropped."""
    nouns = sorted([(m.start, m.end, i) for i, m in enumerate(mentions)] + [(*t, -1) for t in things])
    result: dict[int | None, list[Measurement]] = {}
    for size in measurements:
        following = next((n for n in nouns if n[0] >= size.end), None)
        owner = following if following and _qualifies(text[size.end : following[0]]) else None
        if owner is None:
            owner = next((n for n in reversed(nouns) if n[1] <= size.start), None)
        if owner is None and following and not any(a.end <= size.start for a in anchors):
            owner = following  # "Measured at 23 mm: nodule of the pancreatic body"
        if owner is None and not nouns and not any(a.end <= size.start and not a.neighbor for a in anchors):
            result.setdefault(None, []).append(size)
        elif owner is not None and owner[2] >= 0:
            result.setdefault(owner[2], []).append(size)
    return result


def _qualifies(gap: str) -> bool:
    return len(gap) <= 90 and bool(_ADJECTIVES.match(gap)) and not _LINK.search(gap)


def organs_of(
    text: str,
    mention: Mention,
    anchors: Sequence[Anchor],
    things: Sequence[tuple[int, int]],
    until: int,
    context: tuple[Anchor, ...],
) -> tuple[Anchor, ...]:
    """Find the organs a mention belongs to: in its clause, else its sentence, else the sentence before."""
    strong = [a for a in anchors if not a.neighbor and not _of_next_thing(text, mention, a, things)]
    inside = [a for a in strong if mention.clause[0] <= a.start < mention.clause[1]]
    if mention.denied:
        return tuple(inside or strong or context)
    for pool in (inside, strong):
        if pool:
            best = min(pool, key=lambda a: _distance(text, mention, a))
            # "masses measuring 2 cm on the right and 1 cm on the left": a list runs over clauses.
            group = _group(text, best, strong if mention.plural else pool, mention, until)
            return _with_segments(group, strong, best.organ)
    return context


def _of_next_thing(text: str, mention: Mention, anchor: Anchor, things: Sequence[tuple[int, int]]) -> bool:
    """Whether an organ only says where the next of a list is: "nodular lesion, right renal cyst"."""
    if anchor.start < mention.end or not re.fullmatch(r"\s*,\s*", text[mention.end : anchor.start]):
        return False
    return any(start >= anchor.end and _qualifies(text[anchor.end : start]) for start, _ in things)


def _with_segments(group: tuple[Anchor, ...], anchors: Sequence[Anchor], organ: str) -> tuple[Anchor, ...]:
    """Add the one place that the sentence names: "a shadow in the right kidney, likely a renal lesion"."""
    if any(a.segments for a in group if a.organ == organ):
        return group
    named = [a for a in anchors if a.organ == organ and a.segments]
    return (*group, named[0]) if len({a.segments for a in named}) == 1 else group


def _distance(text: str, mention: Mention, anchor: Anchor) -> int:
    if anchor.end <= mention.start:
        gap = text[anchor.end : mention.start]
        return 0 if _qualifies(gap) else len(gap) + 20
    gap = text[mention.end : anchor.start]
    return len(gap) if _PREPOSITION.search(gap) else len(gap) + 40


def _group(
    text: str, best: Anchor, pool: Sequence[Anchor], mention: Mention, until: int
) -> tuple[Anchor, ...]:
    """Add what is coordinated with the nearest organ, and later words that only add a segment to it."""
    index = pool.index(best)
    group = [best]
    for step in (-1, 1):
        i = index + step
        while 0 <= i < len(pool) and _coordinated(text, pool[i], pool[i - step]):
            group.append(pool[i])
            i += step
    if not any(a.segments for a in group if a.organ == best.organ):
        group += [a for a in pool if a.organ == best.organ and a.segments and mention.end <= a.start < until][
            :1
        ]
    elif mention.plural:
        group += [
            a for a in pool if a.organ == best.organ and a.segments and a.start < until and a not in group
        ]
    return tuple(sorted(group, key=lambda a: a.start))


def _coordinated(text: str, first: Anchor, second: Anchor) -> bool:
    left, right = sorted((first, second), key=lambda a: a.start)
    gap = re.sub(r"\([^)]{0,40}\)", " ", text[left.end : right.start])
    return len(gap) <= 30 and bool(_COORDINATION.match(gap))
