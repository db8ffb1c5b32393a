"""The report of a run, and Snakemake's own."""

import re
from pathlib import Path

import pytest

from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def test_the_page_shows_what_was_run(finished: Project) -> None:
    page = (finished.results / "report.html").read_text(encoding="utf-8")
    assert "<code>micro</code>" in page
    for label in ("Segmentation", "R-Super", "Oracle", "Silent"):
        assert page.count(label) > 2, label
    # Two best, two worst, two false alarms per run and target (three runs, two targets).
    assert len(re.findall(r'<figure class="panel"', page)) == 3 * 2 * 6
    figures = set(re.findall(r'id="figure-(\w+)"', page))
    assert figures >= {"figure1", "figure3", "figure4", "roc", "curve", "overlays", "training", "landing"}
    assert str(finished.root) not in page


def test_it_is_made_anew_alone_and_only_where_it_is_missing(finished: Project) -> None:
    assert finished.planned("report") == {}
    page = finished.results / "report.html"
    aside = page.with_suffix(".aside")
    page.rename(aside)
    try:
        assert set(finished.planned("report")) == {"report"}
    finally:
        aside.rename(page)


def test_snakemakes_own_report_has_captions_and_categories(finished: Project, tmp_path: Path) -> None:
    file = tmp_path / "snakemake.html"
    finished.run("report", "all", options=("--report", str(file)))
    page = file.read_text(encoding="utf-8")
    for category in ("Tables", "Figures", "Report"):
        assert f'"{category}"' in page
    for caption in (finished.root / "workflow" / "report").glob("*.rst"):
        if caption.stem not in ("table2_with_leaked", "extraction_errors"):  # not made by this experiment
            words = re.split(r"[*`.(,:]", caption.read_text(encoding="utf-8"))[0].strip()
            assert len(words) > 5
            assert words in page.replace("&#x27;", "'").replace("&#39;", "'"), caption.stem


def test_every_figure_and_table_has_a_caption(finished: Project) -> None:
    captions = {path.stem for path in (finished.root / "workflow" / "report").glob("*.rst")}
    rules = "".join(path.read_text() for path in (finished.root / "workflow" / "rules").glob("*.smk"))
    shown = set(re.findall(r'drawn\("(\w+)"\)', rules)) | set(
        re.findall(r'told\([^)]*\), "\w+", "(\w+)"\)', rules)
    )
    assert len(shown) > 12
    assert shown <= captions
