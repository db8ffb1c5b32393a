"""The page as text: whole, self-contained, and safe whatever its tables hold."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from made_sources import sources

from rsuper.errors import ArtifactError
from rsuper.publish.html.page import SECTIONS, report_page
from rsuper.publish.html.pictures import LARGEST_SVG, figures_of

HOSTILE = " ".join(
    (
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onfocus=alert(1) autofocus x='",
        "<svg/onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "</style><style>*{display:none}</style>",
        "<!-- <![CDATA[ -->",
        "&lt;b&gt; & é \u202e \x00",
    )
)


class Parsed(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    return report_page(sources(tmp_path_factory.mktemp("page")))


def test_whatever_stands_in_tables_stays_text(page, tmp_path):
    plain, made = Parsed(page), Parsed(report_page(sources(tmp_path, HOSTILE)))
    assert Counter(tag for tag, _ in made.elements) == Counter(tag for tag, _ in plain.elements)
    names = {name for _, attributes in made.elements for name in attributes}
    assert names == {name for _, attributes in plain.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    # In every place: about, note, labels, findings, reasons, cards, machines.
    assert made.text.replace("\x00", "\ufffd").count(HOSTILE.replace("\x00", "\ufffd")) > 30


def test_the_policy_allows_this_script_and_this_style_alone(page):
    parsed = Parsed(page)
    (policy,) = [m["content"] for m in parsed.named("meta") if m.get("http-equiv")]
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not [a for _, a in parsed.elements if "style" in a]  # the policy would refuse it


def test_the_page_reaches_for_nothing(page):
    for tag, attributes in Parsed(page).elements:
        for name in ("src", "href", "action", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/")), (tag, name, value[:80])
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org)", re.sub(r"base64,[^\"]*", "", page))


def test_every_section_is_there_and_links_lead_to_it(page):
    parsed = Parsed(page)
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {key for key, _ in SECTIONS} <= set(ids)
    assert {(a["href"] or "")[1:] for a in parsed.named("a")} <= set(ids)
    named = [a.get("aria-labelledby") for _, a in parsed.elements if "aria-labelledby" in a]
    assert set(named) <= set(ids)


def test_who_cannot_see_is_told(page):
    parsed = Parsed(page)
    assert parsed.named("html") == [{"lang": "en"}]
    assert all((a["alt"] or "").strip() for a in parsed.named("img"))
    assert all(a.get("aria-label") or a.get("aria-labelledby") for a in parsed.named("svg"))
    assert all(a.get("scope") in ("col", "row", "colgroup") for a in parsed.named("th"))
    assert len(parsed.named("caption")) == len(parsed.named("table"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_answer_failed_runs_and_leaked_cases_are_told(page):
    text = Parsed(page).text
    assert "over the best alternative, nnU-Net text" in text
    # nnU-Net's run failed, so that nothing is decided against it; against segmentation AUC and DSC are.
    assert "R-Super text is significantly above in 0 of 12 comparisons and significantly below in 0" in text
    assert "4 above, 4 undecided, 4 below" in text
    assert "1 training run(s) collapsed or did not learn; 1 test CT(s) are of patients" in text
    assert "Rows without numbers: Segmentation text at few (not run in this experiment)" in text


def test_without_hypotheses_findings_and_panels_nothing_is_made_up(tmp_path):
    given = sources(tmp_path)
    bare = replace(
        given,
        tables={**given.tables, "hypotheses": given.tables["hypotheses"].iloc[:0]},
        audit=given.audit.iloc[:0],
        panels=[],
        inputs=replace(
            given.inputs, failed=given.inputs.failed.iloc[:0], leaked=given.inputs.leaked.iloc[:0]
        ),
    )
    text = Parsed(report_page(bare)).text
    assert "own hypotheses" not in text
    assert "No check of make audit found anything." in text
    assert "No run collapsed" in text
    assert "Mind:" not in text


def test_the_same_sources_give_the_same_page(page, tmp_path):
    assert report_page(sources(tmp_path)) == page


def test_a_large_drawing_is_shown_as_pixels(tmp_path):
    svg = tmp_path / "roc.svg"
    svg.write_text("<svg>" + " " * LARGEST_SVG + "</svg>")
    svg.with_suffix(".png").write_bytes(b"pixels")
    (figure,) = figures_of([svg])["results"]
    assert figure.data == "data:image/png;base64," + base64.b64encode(b"pixels").decode()


def test_a_damaged_figure_is_refused(tmp_path):
    given = sources(tmp_path)
    (tmp_path / ".roc.svg.sha256").write_text(f"{'0' * 64}  roc.svg\n")
    with pytest.raises(ArtifactError, match=r"roc\.svg"):
        report_page(given)
    assert Path(tmp_path / "roc.svg").is_file()
