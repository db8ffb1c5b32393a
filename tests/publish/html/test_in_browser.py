"""The page in a real browser (Debian's Chromium, headless): by keyboard, read by axe, narrow and wide."""

import os
import shutil

import pytest
from made_sources import sources

from rsuper.publish.html.page import report_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs a browser (on Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    path.write_text(report_page(sources(folder, "of a made-up experiment")), encoding="utf-8")
    return path


@pytest.fixture
def page(browser, written):
    opened = browser.new_page(viewport={"width": 1366, "height": 900})
    opened.goto(written.as_uri())
    yield opened
    opened.close()


def column(page, table, number):
    return page.locator(f"#{table} tbody tr").evaluate_all(
        f"rows => rows.map(row => row.cells[{number}].firstChild?.textContent ?? '')"
    )


def test_nothing_is_loaded_complained_about_or_run(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(report_page(sources(tmp_path, HOSTILE)), encoding="utf-8")
    opened, said, asked = browser.new_page(), [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("dialog", lambda dialog: said.append(dialog.message))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    opened.wait_for_load_state("networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert opened.locator("th button").count() > 50  # the script ran
    opened.close()


@pytest.mark.parametrize("width", [360, 390, 768, 1366, 2560])
def test_no_width_makes_the_page_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # The answer's first sentence can be read without scrolling sideways.
    box = page.locator(".answer .lead").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [390, 1366])
def test_axe_finds_nothing(page, width):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_first_tab_leads_past_the_navigation(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_a_table_is_sorted_by_keyboard_and_says_so(page):
    head = page.locator("#board-full thead th").nth(3)
    own = column(page, "board-full", 3)
    assert own == ["80.0", "75.0", "70.0"]
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "board-full", 3) == ["70.0", "75.0", "80.0"]
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") is None
    assert column(page, "board-full", 3) == own


def test_blank_cells_are_last_in_either_order(page):
    button = page.locator("#table2-paper thead tr:last-child th", has_text="Masks pancreas").locator("button")
    place = page.locator("#table2-paper thead tr:last-child th").all_inner_texts().index("Masks pancreas")
    page.evaluate("document.querySelector('#table2-paper tbody tr').cells[2].removeAttribute('data-order')")
    page.evaluate(f"document.querySelector('#table2-paper tbody tr').cells[{place}].textContent = ''")
    for _ in range(2):
        button.click()
        assert column(page, "table2-paper", place)[-1] == ""


def test_a_choice_shows_one_part_and_says_which(page):
    tabs = page.locator("#table2 .tabs")
    parts = tabs.locator(":scope > [data-tab]")
    assert [parts.nth(k).is_visible() for k in range(2)] == [True, False]
    button = tabs.get_by_role("button", name="validation cases")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert [parts.nth(k).is_visible() for k in range(2)] == [False, True]


def test_cases_are_filtered_and_layers_hidden(page):
    cases = page.locator("#browser .panel:visible")
    assert cases.count() == 6  # of the first run; the others are closed
    page.get_by_label("kind").select_option("worst")
    assert cases.count() == 2
    page.get_by_label("target").select_option("kidney")
    assert cases.count() == 1
    layer = page.locator("#browser .layer.prediction").nth(4)
    assert layer.is_visible()
    page.get_by_role("button", name="prediction", exact=True).click()
    assert not layer.is_visible()


def test_a_long_table_is_searched(page):
    page.locator("#paper details").evaluate("each => { each.open = true; }")
    field = page.locator("#paper").get_by_label("Only rows with")
    field.fill("inconsistent")
    assert page.locator("#paper-grid tbody tr:visible").count() == 1
    assert page.locator("#paper output").inner_text() == "1 of 26 rows"
    field.fill("")
    assert page.locator("#paper-grid tbody tr:visible").count() == 26


def test_without_script_everything_is_shown(browser, written):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(written.as_uri())
    assert opened.locator("#table2 [data-tab]:visible").count() == 2
    assert opened.locator(".forest:visible").count() == 3
    assert opened.locator("button").count() == 0
    context.close()
