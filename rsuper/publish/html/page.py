"""The report: one page that holds everything it shows and reaches for nothing."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rsuper.publish.failed import failed_notes
from rsuper.publish.html import lists
from rsuper.publish.html.answer import answers, side_of
from rsuper.publish.html.browser import TOLD, browse
from rsuper.publish.html.cost import cost_grid
from rsuper.publish.html.differences import COMPARED, NAMES, Difference, differences
from rsuper.publish.html.forest import Forest, forest
from rsuper.publish.html.grid import Grid, points
from rsuper.publish.html.measured import Intervals, left_out, table1_grid, table_grids
from rsuper.publish.html.origin import origin, resolved, runs_grid
from rsuper.publish.html.pictures import figures_of
from rsuper.publish.html.sources import Sources
from rsuper.publish.inputs import Inputs
from rsuper.publish.render import leaked_notes, table_notes
from rsuper.publish.rows import label_of

_PARTS = "rsuper.publish.html"
SECTIONS = (
    ("answer", "The answer"),
    ("table2", "Table 2"),
    ("table3", "Table 3"),
    ("figures", "Figures"),
    ("claims", "Claims"),
    ("cases", "Cases"),
    ("training", "Training"),
    ("data", "Data"),
    ("method-table", "Methods"),
    ("paper", "Paper audit"),
    ("cost", "Cost"),
    ("provenance", "Provenance"),
)
_RULES = (
    ("table2", "oracle_test", "the test set, as in the paper"),
    ("table2_validation", "validation", "validation cases"),
)
_JUDGED = (
    "Significant: the 95 % interval of the difference leaves 0 out and its test has p < {level:g} (AUC: "
    "DeLong; F1, DSC: paired permutation). F1 is at the threshold that is best on the test set, as in the "
    "paper; DSC is over tumor cases. Not adjusted for the number of comparisons: adjusted marks (†) are in "
    "Table 2. Methods that only show what a number is worth (controls) and parts of the reference "
    "(ablations) cannot win."
)


def report_page(sources: Sources) -> str:
    """Render the report as HTML.

    Everything that comes from tables, logs and cards is escaped. A policy in the page lets the browser run
    and style with nothing but the page's own script and style, and load nothing from anywhere.
    """
    environment = Environment(
        loader=PackageLoader(_PARTS, "parts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(_content(sources)) + "\n"


def _content(sources: Sources) -> dict[str, Any]:
    inputs, tables = sources.inputs, sources.tables
    experiment, cards = inputs.experiment, inputs.cards
    found = differences(inputs.comparisons, inputs.failed, experiment)
    style, script = (_part(name) for name in ("style.css", "page.js"))
    pictures = figures_of(sources.figures)
    return {
        "experiment": experiment,
        "sections": SECTIONS,
        "style": Markup(style),
        "style_hash": _hash(style),
        "script": Markup(script),
        "script_hash": _hash(script),
        "warnings": [*failed_notes(inputs.failed, inputs.metrics, cards), *leaked_notes(inputs.leaked)],
        "warning_told": _warning(inputs),
        "reference": label_of(experiment.evaluation.reference, cards),
        "answers": answers(inputs, found),
        "forests": {budget: _forests(found, budget, inputs) for budget in experiment.budgets},
        "names": NAMES,
        "side_of": side_of,
        "points": points,
        "interval_points": _interval_points,
        "how_judged": _JUDGED.format(level=experiment.evaluation.significance),
        "table2": [(told, _tables(sources, name, rule, "Table 2")) for name, rule, told in _RULES],
        "table3": _tables(sources, "table3", "oracle_test", "Table 3"),
        "left_out": left_out(tables["table2"]),
        "table1": table1_grid(tables["table1"]),
        "figures": pictures,
        "claims": lists.claims_grid(tables["claims"], cards),
        "claims_told": f"Judged here, in this experiment: {lists.counted(tables['claims']['verdict'])}.",
        "hypotheses": lists.hypotheses_grid(tables["hypotheses"], cards),
        "browser": browse(sources.panels, experiment, cards),
        "cases_told": TOLD,
        "failed": lists.failed_grid(inputs.failed, cards),
        "audit": lists.audit_grid(sources.audit),
        "extraction": sources.extraction,
        "accuracy": lists.accuracy_grid(tables["accuracy"]),
        "methods": sources.methods,
        "paper": lists.paper_grid(sources.paper),
        "paper_told": f"Checks of the published tables: {lists.counted(sources.paper['verdict'])}.",
        "cost": cost_grid(sources.records, sources.root, cards),
        "origin": origin(experiment, sources.experiment_file, sources.records),
        "runs": runs_grid(sources.records, cards),
        "resolved": resolved(experiment),
    }


def _warning(inputs: Inputs) -> str:
    runs = inputs.failed[["budget", "method", "seed"]].drop_duplicates()
    parts = [f"{len(runs)} training run(s) collapsed or did not learn"] if len(runs) else []
    if len(inputs.leaked):
        parts.append(f"{len(inputs.leaked)} test CT(s) are of patients who are in training too")
    return f"{'; '.join(parts)}." if parts else ""


def _tables(sources: Sources, name: str, rule: str, title: str) -> list[Grid]:
    inputs = sources.inputs
    intervals = Intervals(inputs.metrics, inputs.experiment, rule)
    notes = table_notes(inputs.experiment, rule)
    grids = table_grids(sources.tables[name], intervals, inputs.experiment, name, title)
    return [*grids[:-1], replace(grids[-1], notes=notes)]


def _forests(found: Sequence[Difference], budget: str, inputs: Inputs) -> list[Forest]:
    made = (forest(found, budget, name, inputs.experiment, inputs.cards) for name, *_ in COMPARED)
    return [each for each in made if each is not None]


def _interval_points(each: Difference) -> str:
    return "" if math.isnan(each.low) else f"{points(each.low)} to {points(each.high)}"


def _part(name: str) -> str:
    return resources.files(_PARTS).joinpath(f"parts/{name}").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
