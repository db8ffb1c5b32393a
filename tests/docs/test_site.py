"""docs/ as a site: what is made from the code is whole, all pages are reached, nothing is from elsewhere."""

import importlib.util
import re
import subprocess
import sys

import pytest

from docs.site import generated
from rsuper import schemas
from rsuper.config.experiment import Experiment
from tests.docs.documents import ROOT

DOCS = ROOT / "docs"
ELSEWHERE = re.compile(
    r"""(?:<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=|<link\b[^>]*\bhref=|@import|url\()\s*["']?(?:https?:)?//[^"'\s>)]*"""
)


def made(name, *arguments):
    return "\n".join(generated.MAKERS[name](*arguments))


def test_every_mark_is_known():
    marks = [
        (mark["name"], mark["arguments"].split())
        for path in DOCS.rglob("*.md")
        for mark in generated.MARK.finditer(path.read_text(encoding="utf-8"))
    ]
    assert {name for name, _ in marks} == set(generated.MAKERS)


def test_every_key_of_an_experiment_is_there():
    text = made("keys", "experiment.schema.json")

    def count(schema):
        return len(schema.get("properties", ()))

    schema = Experiment.model_json_schema()
    rows = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert set(Experiment.model_fields) <= set(rows)
    assert len(rows) >= count(schema) + sum(map(count, schema["$defs"].values()))
    for row in (
        r"\| `spacing_mm` \|.*\| list of (number above 0(, )?){3} \| `\[1.0, 1.0, 1.0\]` \|",
        r"\| `precision` \| \w.*\| `auto`, `float32`, `bf16` \| `\"auto\"` \|",
        r"\| `stage1_steps` \|.*\| whole number from 1 \| needed \|",
    ):
        assert re.search(f"^{row}$", text, flags=re.MULTILINE)


def test_links_to_sections_have_their_anchors():
    text = made("keys", "experiment.schema.json") + made("keys", "method.schema.json")
    anchors = re.findall(r"^\((.*)\)=$", text, flags=re.MULTILINE)
    assert len(anchors) == len(set(anchors)) > 20
    assert set(re.findall(r"\]\(#(.*?)\)", text)) == set(anchors)


def test_every_column_is_there():
    text = made("columns")
    tables = [value for value in vars(schemas).values() if isinstance(value, schemas.Table)]
    assert len(tables) > 10
    for table in tables:
        part = text.split(f"\n### {table.name}\n", 1)[1].split("\n### ")[0]
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", part, flags=re.MULTILINE)
        assert dict(rows) == table.columns


def test_targets_are_the_makefile_s():
    helped = subprocess.run(
        ["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True
    ).stdout
    names = {
        name for line in re.findall(r"^  make (.*)$", helped, flags=re.MULTILINE) for name in line.split()
    }
    assert (
        set(re.findall(r"`make ([\w-]+)`", re.sub(r"\| [^|]* \|$", "", made("targets"), flags=re.MULTILINE)))
        == names
    )


def test_every_page_is_in_the_navigation():
    entries = set()
    for path in (DOCS / "index.md", DOCS / "reference" / "api.md"):
        for body in re.findall(
            r"```\{toctree\}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL
        ):
            names = [line for line in body.splitlines() if line and not line.startswith(":")]
            entries |= {str((path.parent / name).relative_to(DOCS)) for name in names}
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")}
    assert pages - {"index", "deviations_head"} == entries


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("sphinx") is None or importlib.util.find_spec("furo") is None,
    reason="Sphinx is not installed: make site installs it",
)
def test_the_site_is_built_without_a_warning_and_needs_no_other_host(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--quiet",
        "--fail-on-warning",
        "-c",
        "docs/site",
        "docs",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    files = [path for path in tmp_path.rglob("*") if path.suffix in {".html", ".css", ".js"}]
    assert len(files) > 30
    loaded = [
        (path.name, match.group()) for path in files for match in ELSEWHERE.finditer(path.read_text("utf-8"))
    ]
    assert loaded == []
    reference = (tmp_path / "reference" / "losses.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>", "", reference).replace("&#39;", "'")
    assert re.search(r"volume_loss\(\s*tumor:\s*Float\[Tensor,\s*'b x y z'\]", text)
    assert (tmp_path / "searchindex.js").stat().st_size > 10_000


def test_what_is_loaded_from_elsewhere_is_seen():
    for text in (
        '<script async src="https://a.b/c.js">',
        "url('//a.b/f.woff')",
        '<link href="http://a.b/c.css">',
    ):
        assert ELSEWHERE.search(text)
    assert not ELSEWHERE.search('<a href="https://a.b">x</a> <script src="_static/a.js">')
