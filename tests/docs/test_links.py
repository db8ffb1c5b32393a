"""Links between documents lead to files and headings that are there."""

import re

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, anchors, code, prose

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def links(text):
    """Relative links, as (file, anchor)."""
    for match in LINK.finditer(prose(text)):
        if not re.match(r"[a-z]+:", match["target"]):
            path, _, anchor = match["target"].partition("#")
            yield path, anchor


def broken(document, text):
    """Say what is wrong with the links of a document."""
    for path, anchor in links(text):
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            yield f"{path}: not there"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{path}#{anchor}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    assert list(broken(document, document.read_text(encoding="utf-8"))) == []


def test_documents_link_to_one_another():
    found = [link for path in DOCUMENTS for link in links(path.read_text(encoding="utf-8"))]
    assert len(found) > 60


def test_a_broken_link_is_seen():
    text = (
        "[a](README.md) [b](none.md) [c](README.md#start) [d](README.md#none) `[e](none.md)` [f](#g)\n\n# h\n"
    )
    found = list(broken(ROOT / "x.md", text.replace("[f](#g)", "")))
    assert found == ["none.md: not there", "README.md#none: no such heading"]


def test_anchors_are_github_s():
    text = "# A `b_c`, d-e: (f)\n\n## Twice\n\n## Twice\n\n```\n# none\n```\n"
    assert anchors(text) == {"a-b_c-d-e-f", "twice", "twice-1"}


def test_code_is_told_from_prose():
    text = "Say `make a` or\n\n    make b\n\n    make c\n\nor\n\n```sh\nmake d\n```\nand make e.\n"
    assert sorted(re.findall(r"make (\w)", "\n".join(code(text)))) == ["a", "b", "c", "d"]
    assert re.findall(r"make (\w)", re.sub(r"^    .*$", "", prose(text), flags=re.MULTILINE)) == ["e"]
