"""The Markdown files of the repository, and what in them is code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<mark>`{3,}|:{3,})[^\n]*\n(?P<body>.*?)^(?P=mark)\s*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(?P<body>.+?)(?<!`)\1(?!`)", re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?P<body>(?: {4,}\S[^\n]*\n|\n(?= {4,}\S))+)")

DOCUMENTS = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "rsuper").rglob("*.md"),
        *(ROOT / "results").glob("*.md"),
        *(ROOT / "results" / "reference").rglob("*.md"),
    }
)


def prose(text: str) -> str:
    """Return a document without its code: links in code are none."""
    return SPAN.sub("", FENCE.sub("", text))


def code(text: str) -> list[str]:
    """Return the blocks and spans of code."""
    rest = FENCE.sub("\n", text)
    found = [match["body"] for pattern in (FENCE, INDENTED) for match in pattern.finditer(text)]
    return found + [match["body"] for match in SPAN.finditer(INDENTED.sub("\n", rest))]


def anchors(text: str) -> set[str]:
    """Return the anchors of headings, as GitHub and the site make them."""
    known: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        known[slug] = known.get(slug, -1) + 1
    return {slug + (f"-{n}" if n else "") for slug, count in known.items() for n in range(count + 1)}
