"""Markdown and LaTeX twins of the tables, for reading; the CSV stays the one for computing."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from rsuper.artifacts import write_sealed
from rsuper.config.experiment import Experiment
from rsuper.metrics.lesions import FOUND_SHARE, SPECK_MM3
from rsuper.publish.columns import NUMBERS, Column, further_columns, groups, paper_columns

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
}
MARKS_NOTE = (
    "Percent. A mark in a row: the reference method is significantly above this row (in the reference's own "
    "row: above every alternative that was run); * p < 0.05, † also after Holm adjustment. Numbers of test "
    "cases: tumor + tumor-free CTs."
)

# A section of a twin: its title and its columns, as name in the frame -> (group heading, heading).
Section = tuple[str, Mapping[str, tuple[str, str]]]


def write_twins(
    frame: pd.DataFrame, path: Path, *, sections: Sequence[Section] | None = None, notes: Sequence[str] = ()
) -> None:
    """Write the .md and .tex twins of a table beside its CSV.

    Args:
        frame: the table. Numbers are shown as they are, but for columns that have a `<name>_mark` column
            beside them or are named in `sections` with a group: these are fractions, shown in percent with
            their mark.
        path: of the CSV.
        sections: what to show, one printed table each; None shows all columns in one.
        notes: lines below the tables.
    """
    chosen = sections or [("", {str(name): ("", str(name)) for name in frame})]
    printed = [(title, headings, _cells(frame, headings)) for title, headings in chosen]
    markdown = "\n\n".join([*(_markdown(*part) for part in printed), *notes]) + "\n"
    latex = "\n\n".join([*(_latex(*part) for part in printed), *(_escape(note) for note in notes)]) + "\n"
    write_sealed(path.with_suffix(".md"), lambda file: file.write_text(markdown, encoding="utf-8"))
    write_sealed(path.with_suffix(".tex"), lambda file: file.write_text(latex, encoding="utf-8"))


def table_notes(experiment: Experiment, rule: str) -> list[str]:
    """Say below Tables 2 and 3 what the numbers are measured on and how they were made."""
    chosen = {
        "oracle_test": "the threshold with the highest F1 on the test set itself, as in the paper",
        "validation": "the threshold with the highest F1 on held-out validation cases",
    }[rule]
    seeds = len(experiment.seeds)
    several = (
        f" Means over {seeds} training seeds; a mark also asks that the interval of the gain over seeds and "
        "cases lies above 0."
    )
    headline = experiment.evaluation.nsd_tolerances_mm[0]
    added = "; ".join(f"{budget}: {', '.join(rows)}" for budget, rows in experiment.add_rows.items())
    return [
        *([f"Rows that were added to the experiment: {added}."] if added else []),
        f"Data: {experiment.data_note or experiment.about}. Network: {experiment.network.name}, seeing "
        f"{experiment.network.inputs}.",
        f"F1, sensitivity, specificity: {chosen} (rule {rule}). dsc, nsd: mean over all cases, empty on "
        f"empty 1; dsc_tumor, nsd_tumor: tumor cases alone. NSD by surface area at {headline:g} mm. "
        f"Tumor Se: share of all true tumors that the mask covers to {FOUND_SHARE:.0%}; FP/CT: its pieces "
        f"of {SPECK_MM3:.0f} mm3 and more that touch no tumor. {MARKS_NOTE}{several if seeds > 1 else ''}",
    ]


def leaked_notes(leaked: pd.DataFrame, *, included: bool = False) -> list[str]:
    """Say below a table which test cases are of patients in training; nothing where there are none.

    Args:
        leaked: columns of LEAKED.
        included: whether the table counts these cases.
    """
    if leaked.empty:
        return []
    counts = f"{len(leaked)} test CTs of {leaked['patient_id'].nunique()} patients who are in training too"
    if included:
        return [f"With {counts} (leaked.csv): for comparison; table2 leaves them out."]
    return [f"Without {counts}; leaked.csv names them."]


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a published table; missing numbers are blank."""
    write_sealed(path, lambda file: frame.to_csv(file, index=False))


def table_sections(frame: pd.DataFrame, experiment: Experiment) -> list[Section]:
    """Lay out the twins of Tables 2 and 3: the paper's columns first, then the rest, then the case counts."""
    lead = {name: ("", name) for name in ("size", "block", "budget", "label", "status") if name in frame}
    paper: dict[str, tuple[str, str]] = {}
    for column in paper_columns(experiment):
        for kind in ("masks", "reports"):
            paper.setdefault(f"{kind}_{column.target}", ("", f"{kind} {column.target}"))
        paper[column.name] = _heading(column)
    further = {column.name: _heading(column) for column in further_columns(experiment)}
    counts = {
        f"{target}_{test_set}_n": ("", f"{target} {test_set}") for target, test_set in groups(experiment)
    }
    return [
        ("As in the paper", lead | {"network": ("", "network")} | paper),
        ("Beyond the paper", lead | further),
        ("Number of test cases", lead | counts | {"n_seeds": ("", "seeds")}),
    ]


def _heading(column: Column) -> tuple[str, str]:
    return column.group, column.heading


def _cells(frame: pd.DataFrame, headings: Mapping[str, tuple[str, str]]) -> list[list[str]]:
    columns = []
    for name, (group, _) in headings.items():
        marks = frame.get(f"{name}_mark", pd.Series("", index=frame.index))
        percent = (bool(group) or f"{name}_mark" in frame) and not name.endswith(NUMBERS)
        columns.append(
            [_cell(value, str(mark), percent) for value, mark in zip(frame[name], marks, strict=True)]
        )
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: object, mark: str, percent: bool) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float):
        return f"{100 * value:.1f}{mark}" if percent else f"{value:g}"
    return str(value)


def _markdown(title: str, headings: Mapping[str, tuple[str, str]], cells: list[list[str]]) -> str:
    names = [f"{group} {heading}".strip() for group, heading in headings.values()]
    body = [[text.replace("|", "\\|") for text in row] for row in cells]
    text = tabulate(body, headers=names, tablefmt="pipe", disable_numparse=True)
    return f"## {title}\n\n{text}" if title else text


def _latex(title: str, headings: Mapping[str, tuple[str, str]], cells: list[list[str]]) -> str:
    lines = [f"% {title}"] if title else []
    lines += [rf"\begin{{tabular}}{{{'l' * len(headings)}}}", r"\toprule"]
    if any(group for group, _ in headings.values()):
        spans = [
            (group, len(list(part))) for group, part in groupby(headings.values(), key=lambda item: item[0])
        ]
        lines.append(
            _latex_row([rf"\multicolumn{{{width}}}{{c}}{{{_escape(group)}}}" for group, width in spans])
        )
    lines += [_latex_row([_escape(heading) for _, heading in headings.values()]), r"\midrule"]
    lines += [_latex_row([_escape(text) for text in row]) for row in cells]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
