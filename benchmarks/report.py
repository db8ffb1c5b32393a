"""What the report costs with many test cases, beside the same experiment as it is.

    python benchmarks/report.py [--config FILE] [--results FOLDER] [--cases 10000] [--out FOLDER]

A finished experiment is taken, with its report (`make report`). Its tables of cases are drawn from with
replacement until every test set has `--cases` CTs, the same draws for all runs, each under a name of its own.
Everything in the report that depends on the number of cases is then made from them: the tables are read, the
cases to show are chosen for every run, the ROC curves are drawn, the page is written and opened in a headless
Chromium. Pictures are as many whatever the cohort, and their CTs are not read here. Metrics and tests at such
numbers: `benchmarks/evaluation.py`. CPU seconds of one thread; of the browser, wall time.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rsuper.artifacts import Layout, cases_table, write_table
from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.evaluate.case_tables import read_cases
from rsuper.publish.figures.roc import roc
from rsuper.publish.figures.shown_runs import Run, shown_runs
from rsuper.publish.html.extremes import choose_extremes
from rsuper.publish.html.page import report_page
from rsuper.publish.html.sources import TABLES, Sources
from rsuper.schemas import CASES

ROOT = Path(__file__).resolve().parents[1]
SEED = 0


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "phantom.yaml")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    experiment = load_experiment(arguments.config)
    layout = Layout.of(experiment.name, arguments.results)
    runs = listed_runs(experiment)
    with tempfile.TemporaryDirectory() as folder:
        large = Layout(Path(folder) / "results")
        inflate(layout, large, runs, experiment, arguments.cases)
        rows = [
            {
                "cases": count,
                **measured(arguments.config, layout, at, runs, experiment, Path(folder) / str(count)),
            }
            for count, at in ((count_cases(layout, runs, experiment), layout), (arguments.cases, large))
        ]
    frame = pd.DataFrame(rows).round(2)
    print(frame.T.to_string(header=False))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        frame.to_csv(arguments.out / "report.csv", index=False)


def listed_runs(experiment: Experiment) -> list[Run]:
    """List the runs that have a row."""
    budgets = experiment.budgets
    trained = [
        (b, m, s) for b, x in budgets.items() for m in (*x.methods, *x.controls) for s in experiment.seeds
    ]
    return trained + [(list(budgets)[-1], c, s) for c in experiment.controls for s in experiment.seeds]


def count_cases(layout: Layout, runs: list[Run], experiment: Experiment) -> int:
    """Count the CTs of the largest test set."""
    cases = read_cases(layout, runs[:1], list(experiment.test_sets))
    return int(cases.groupby("test_set")["case_id"].nunique().max())


def inflate(layout: Layout, large: Layout, runs: list[Run], experiment: Experiment, count: int) -> None:
    """Write tables of cases with as many CTs as asked for; a CT keeps all its rows, under a new name."""
    for test_set in experiment.test_sets:
        names = read_cases(layout, runs[:1], [test_set])["case_id"].unique()
        drawn = np.random.default_rng(SEED).choice(names, size=count)
        new = pd.DataFrame({"case_id": drawn, "new": [f"drawn_{k:06d}" for k in range(count)]})
        for run in runs:
            own = read_cases(layout, [run], [test_set]).drop(columns=["budget", "method", "seed"])
            frame = new.merge(own, on="case_id")
            frame = frame.assign(case_id=frame["new"], patient_id=frame["new"]).drop(columns="new")
            write_table(frame, cases_table(large.run(*run), test_set), CASES)


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the CPU seconds of a block."""
    started = time.process_time()
    yield
    seconds[name] = time.process_time() - started


def measured(
    config: Path, layout: Layout, at: Layout, runs: list[Run], experiment: Experiment, folder: Path
) -> dict[str, float]:
    """Make from tables of cases whatever the report shows of them."""
    found: dict[str, float] = {}
    folder.mkdir()
    with timed(found, "read_tables_s"):
        cases = read_cases(at, runs, list(experiment.test_sets))
    with timed(found, "choose_cases_s"):
        chosen = [choose_extremes(cases, run, experiment) for run in shown_runs(runs, experiment)]
    found["pictures"] = sum(map(len, chosen))
    sources = read_sources(config, layout, runs)
    with timed(found, "draw_roc_s"):
        roc(cases, sources.inputs.metrics, experiment, sources.inputs.cards, folder / "roc")
    found["roc_svg_mb"] = (folder / "roc.svg").stat().st_size / 1e6
    figures = [folder / "roc.svg" if path.stem == "roc" else path for path in sources.figures]
    with timed(found, "write_page_s"):
        page = report_page(replace(sources, figures=figures))
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    found["page_mb"] = path.stat().st_size / 1e6
    return found | opened(path)


def read_sources(config: Path, layout: Layout, runs: list[Run]) -> Sources:
    """Read what the report of a finished experiment was made from."""
    root = layout.root
    files: dict[str, object] = {
        name: root / f"{name}.csv" for name in (*TABLES, "metrics", "comparisons", "paper_audit")
    }
    files |= {"supervision": root / "supervision.json", "failed": root / "failed_runs.csv"}
    files |= {"audit": root / "audit" / "audit.csv", "panels": root / "figures" / "case_panels.jsonl"}
    files |= {"accuracy": root / "extraction_report" / "accuracy.csv"}
    files |= {"extraction": sorted(root.glob("data/*/extraction.txt"))}
    files |= {"figures": sorted((root / "figures").glob("*.svg"))}
    return Sources.read(config, layout, runs, files, None)


def opened(path: Path) -> dict[str, float]:
    """Open the page and sort its longest table; nothing where there is no browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri(), wait_until="load")
        timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        sort = """() => {
          const tables = [...document.querySelectorAll('table.grid')];
          const longest = tables.reduce((a, b) => (b.rows.length > a.rows.length ? b : a));
          const started = performance.now();
          longest.querySelector('th button').click();
          longest.getBoundingClientRect();
          return [longest.rows.length, performance.now() - started];
        }"""
        rows, sorted_ms = page.evaluate(sort)
        browser.close()
    return {"opened_ms": timing, "longest_table_rows": rows, "sorted_ms": sorted_ms}


if __name__ == "__main__":
    main()
