"""Words for tumors in a sentence: real, denied, doubted, or something else."""

import re
from dataclasses import dataclass

from rsuper.reports.anatomy_text import is_neighbor
from rsuper.reports.sections_text import clauses

_TUMOR = re.compile(
    r"\b(?<!target )(?:(?:adeno|cysto)?(?:adeno)?carcinomas?|mass(?:es)?|lesions?|tumou?rs?|neoplasms?|"
    r"neoplasia|nodules?|"
    r"(?<!interval )(?<!no )(?<!significant )(?<!phytic )growths?(?!\s+(?:since|from|compared|over|rate))|"
    r"malignanc(?:y|ies)|cancers?|metastas[ie]s|pdac|rcc|angiomyolipomas?|oncocytomas?|insulinomas?|"
    # An angiomyolipoma in all but name.
    r"fat(?:ty)?[\s-](?:density|attenuation)\s+(?:shadows?|foc(?:us|i)))\b"
    r"(?!\s+(?:effect|markers?|thromb\w+|burden))",
    re.IGNORECASE,
)
_OTHER_THING = re.compile(
    r"\b(?:cysts?|stones?|calcul(?:us|i)|\w*lithiasis|ducts?|ductal|nodes?|\w*adenopathy|stents?|calcifications?|"
    r"aneurysms?|veins?|arter(?:y|ies)|thromb(?:us|osis)|collections?|hernias?|diverticul\w+|polyps?|wall|catheters?|"
    r"abscess\w*|h(?:a?e)matomas?|hydronephrosis|pseudocysts?|scars?|infarcts?|hemangiomas?)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:no|without|not|negative for|free of|free from|nothing|absence of|absent|neither|nor|"
    r"cannot identify|rather than|resolution of|resolved)\b",
    re.IGNORECASE,
)
_NO_CHANGE = re.compile(
    r"\b(?:no|not|without)\s+(?:\w+\s+){0,3}?(?:chang\w*|increas\w*|decreas\w*|growth|enlarg\w*|progress\w*)\b"
    r"|\bno\s+doubt\b|\bnot\s+(?:only|exclude)\b|\bnot\s+(?:be\s+)?(?:excluded|ruled out)\b",
    re.IGNORECASE,
)
_NO_AFTER = re.compile(
    r"\b(?:not|no longer)\s+(?:\w+\s+)?(?:seen|identified|detected|visuali[sz]ed|observed|present|"
    r"evident|appreciated|found|noted)\b|\b(?:has|have) resolved\b|\b(?:is|are) absent\b|"
    r"(?<!not be )(?<!not )\b(?:excluded|ruled out)\b",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(r"\s*:\s*(?:none|absent|no|not|negative)\b", re.IGNORECASE)  # "Pancreas: mass: none"
_DOUBT_BEFORE = re.compile(
    r"\b(?:possibl[ey]|questionable|equivocal|suspected|cannot (?:exclude|rule out)|"
    r"may (?:be|represent|reflect)|could (?:be|represent|reflect)|versus|vague)\b[^.;]{0,60}$",
    re.IGNORECASE,
)
_DOUBT_AFTER = re.compile(
    r"\b(?:cannot|can not|not|could not) be (?:excluded|ruled out)\b|too small to char|^\s?\?", re.I
)
_DIAGNOSIS = re.compile(
    r"\b(?:suspicious|concerning|worrisome|consistent|compatible|in keeping|suggest\w*|represent\w*|likely|"
    r"probabl[ey]|favou?r\w*|consider\w*|typical|characteristic|such as|diagnos\w*|reflect\w*|"
    r"suspected|most)\b[^.;]{0,70}$",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\s*:\s+(?:an?|another|the)\s", re.IGNORECASE)
_SAME = re.compile(r"^\W{0,2}$|^\s?(?:and|or|/)\s?$", re.IGNORECASE)
_HISTORY = re.compile(
    r"\b(?:history|evaluat\w+|staging|known|treated|follow-?up) (?:of|for)\b[^.;,]{0,40}$", re.I
)
_CYST_BEFORE = re.compile(
    r"\bcyst(?:s|ic|-like|ic-like)?\b|\bnon-?\s?enhancing\b|\bfluid[\s-](?:density|attenuat\w+)", re.I
)
_CYST_AFTER = re.compile(
    r"\b(?:consistent|compatible|suggest\w*|represent\w*|consider\w*|likely|probabl\w*|typical|suspected|keeping|"
    r"favou?r\w*|characteristic|most|benign|possible|belong\w*|thought)\b[^.;]{0,50}"
    r"\b(?:cyst\w*|stones?|h(?:a?e)mangioma\w*|scar\w*|infarct\w*)\b"
    r"|^\s*(?:or|/)\s*cysts?\b|\([^)]{0,30}\bcysts?\s?\??\)|\bfluid[\s-](?:density|attenuation)|"
    r"\b(?:without|no) (?:internal )?enhancement|\bnon-?enhancing",
    re.IGNORECASE,
)
# "It was thought to be a cyst.", "Considered to be renal stones.": of what the sentence before tells.
_RESOLVED = re.compile(
    r"(?:^\W*|\b(?:it|they|these|this|those)\s+(?:\w+\s+){0,4})"
    r"(?:considered|thought|evaluated|interpreted|assessed|regarded|judged)\b[^.;]{0,40}"
    r"\b(?:cysts?|stones?|calcul(?:us|i)|h(?:a?e)mangiomas?|scars?|infarcts?)\b",
    re.IGNORECASE,
)
_SOLID = re.compile(r"\bsolid\b|\bneoplas|\bcomplex\b|\benhancing (?:mural|component)", re.IGNORECASE)
_ATTENUATION = (
    (
        "hypo",
        re.compile(r"\bhypo-?(?:attenuat|dens|enhanc|vascul)\w*|\blow[\s-](?:density|attenuat\w+)", re.I),
    ),
    (
        "hyper",
        re.compile(
            r"\bhyper-?(?:attenuat|dens|enhanc|vascul)\w*|\bhigh[\s-](?:density|attenuat\w+)|\bavid\w*", re.I
        ),
    ),
    ("iso", re.compile(r"\biso-?(?:attenuat|dens|enhanc)\w*", re.I)),
    ("heterogeneous", re.compile(r"\bheterogen\w+|\bmixed[\s-](?:density|attenuat\w+)|\binhomogen\w+", re.I)),
)
# Characters on either side of a tumor word that can say something about it: bounds the work.
_SCOPE = 200
_NUMBERS = {
    w: n for n, w in enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 2)
}
_COUNT = re.compile(
    rf"\b(?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)}|pair of|couple of)\s+(?!mm\b|cm\b|x\b)(?:[\w-]+\s+){{0,6}}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention:
    """A word for a tumor in a sentence.

    Attributes:
        start: First character in the sentence.
        end: One past the last.
        clause: (start, end) of the clause it stands in.
        denied: The report says that there is none.
        doubted: The report doubts that there is one.
        benign: A cyst, stone or scar under a tumor's name ("cystic lesion", "lesion, likely a cyst").
        plural: More than one tumor.
        definite: Points back ("the mass", "this lesion").
        open: Of a kind that is left open ("lesion", "nodule"): a later sentence may call it a cyst.
        count: 1, the stated number, or None for several without number.
        attenuation: As in `Finding`.
    """

    start: int
    end: int
    clause: tuple[int, int]
    denied: bool
    doubted: bool
    benign: bool
    plural: bool
    definite: bool
    open: bool
    count: int | None
    attenuation: str | None


def find_mentions(sentence: str) -> tuple[Mention, ...]:
    """Find the tumors a sentence speaks of, in order.

    A diagnosis of a tumor already named ("a mass, suspicious for adenocarcinoma") is not a second tumor. A
    "cystic lesion" counts as a cyst, a cystic "mass", "tumor" or "neoplasm", and anything solid, as a tumor.
    """
    parts = clauses(sentence)
    matches = _distinct(sentence)
    ends = [*(m.start() for m in matches), len(sentence)][1:]
    return tuple(_mention(sentence, m, parts, until) for m, until in zip(matches, ends, strict=False))


def says_benign(sentence: str) -> bool:
    """Whether a sentence says of what was told before it that it is a cyst, a stone or a scar."""
    return bool(_RESOLVED.search(sentence))


def other_things(sentence: str) -> tuple[tuple[int, int], ...]:
    """Find (start, end) of what is measured and is no tumor: cysts, stones, ducts, nodes, stents."""
    found = _OTHER_THING.finditer(sentence)
    return tuple((m.start(), m.end()) for m in found if not is_neighbor(sentence, m.start()))


def _distinct(sentence: str) -> list[re.Match[str]]:
    kept: list[re.Match[str]] = []
    for match in _TUMOR.finditer(sentence):
        before = sentence[kept[-1].end() : match.start()] if kept else sentence[: match.start()]
        before = before[-_SCOPE:]
        asked = "(" in before[-30:] and sentence[match.end() : match.end() + 1] == "?"
        same = bool(kept) and (bool(_SAME.match(before)) or asked or bool(_DIAGNOSIS.search(before)))
        # "Tumor: a mass in the head, 2 cm" names the mass once.
        label = not sentence[: match.start()].strip(' \t"•-') and bool(_LABEL.match(sentence, match.end()))
        if not same and not label and not _HISTORY.search(before):
            kept.append(match)
    return kept


def _mention(sentence: str, match: re.Match[str], parts: tuple[tuple[int, int], ...], until: int) -> Mention:
    start, end = match.span()
    clause = next(p for p in parts if p[0] <= start < p[1])
    before = sentence[max(clause[0], start - _SCOPE) : start]
    rest = sentence[end : min(until, clause[1], end + _SCOPE)]
    phrase = re.split(r"[,;(]|\b(?:with|of|in|and a|is|are)\b", before)[-1]
    word = match[0].lower()
    plural = word.endswith("s") and word not in ("mass", "metastasis")
    return Mention(
        start=start,
        end=end,
        clause=clause,
        denied=bool(
            _NO.search(_NO_CHANGE.sub(" ", before))
            or _NO_AFTER.search(rest)
            or _NO_VALUE.match(sentence, end)
        ),
        doubted=bool(_DOUBT_BEFORE.search(before) or _DOUBT_AFTER.search(rest)),
        benign=_is_benign(word, phrase, sentence[end : min(until, end + _SCOPE)]),
        plural=plural,
        definite=bool(re.search(r"\b(?:the|this|that|these|those|its?)\s+(?:[\w-]+\s+){0,4}$", before, re.I)),
        open=_is_open(word, phrase),
        count=_count(before) if plural else 1,
        attenuation=_attenuation(before + match[0] + sentence[end : min(until, end + _SCOPE)], len(before)),
    )


def _is_benign(word: str, phrase: str, after: str) -> bool:
    if _SOLID.search(phrase):
        return False
    return (_is_open(word, phrase) and bool(_CYST_BEFORE.search(phrase))) or bool(_CYST_AFTER.search(after))


def _is_open(word: str, phrase: str) -> bool:
    return word.startswith(("lesion", "nodule")) and not _SOLID.search(phrase)


def _count(before: str) -> int | None:
    match = _COUNT.search(before[-80:])
    if match is None:
        return None
    word = match["n"].lower()
    number = int(word) if word.isdigit() else _NUMBERS.get(word, 2)
    return number if number >= 1 else None


def _attenuation(text: str, position: int) -> str | None:
    """Take the attenuation word nearest to the mention."""
    hits = [(abs(m.start() - position), name) for name, cue in _ATTENUATION for m in cue.finditer(text)]
    return min(hits)[1] if hits else None
