"""docs/paper_audit.md: what the audit of the paper finds, in short. `make docs` writes it."""

from pathlib import Path

import pandas as pd

from rsuper.artifacts import write_atomically
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.printed import printed_rows, statements, table1_methods
from rsuper.publish.paper_audit import paper_audit

FILE = Path(__file__).resolve().parents[3] / "docs" / "paper_audit.md"
MOST_LINES = 3  # of one check, table, test set and stratum; more inconsistent cells are counted, not listed
# Checks whose agreement is a finding in itself; of the others only what does not agree is listed.
AGREEMENT_COUNTS = {
    "negatives_of_test_set",
    "tumors_of_both_targets",
    "overlap_over_all_cts",
    "strata_specificity",
}
ROW_BY_ROW = {"overlap_over_all_cts"}  # every decided row is listed
GROUP = ["table", "test_set", "target", "stratum"]

QUESTIONS = {
    "f1_from_stated_counts": "Do sensitivity and specificity give F1, with the stated tumor and normal CTs?",
    "negatives_of_row": "Does the number of negatives that a row needs agree with its test set's?",
    "negatives_of_test_set": "Which number of negatives fits most rows of Table 2, and is it the stated one?",
    "tumors_of_both_targets": "Are all CTs without the tumor negatives, those with the other included?",
    "overlap_over_tumor_cts_alone": "Are Table 2's DSC and NSD the mean of Table 3's strata?",
    "overlap_over_all_cts": "Do DSC and NSD give one share of normals with an empty prediction?",
    "cell_has_a_count": "Is there a count of CTs that rounds to the cell?",
    "stratum_size": "Can the stated number of tumor CTs give every printed sensitivity?",
    "strata_specificity": "Is a stratum's specificity the whole test set's?",
    "strata_make_the_whole": "Do the strata average to the whole test set's sensitivity and AUC?",
    "above_calling_all_positive": "Is F1 above that of calling every CT positive?",
    "claim": "Do the printed numbers say what is claimed?",
    "stated_gain": "Is a gain stated in the text the largest one in the table?",
    "text_against_text": "Does the text say the same wherever it states a number?",
    "stated_total": "Do stated parts add up to the stated total?",
    "stated_number_of_methods": "Are as many methods compared as stated?",
    "open": "What do neither numbers nor text settle?",
    "guessed_columns": "Which values stand in guessed columns of our copy?",
    "unreadable_cells": "Which cells of our copy are unreadable?",
}
HEAD = """# The paper's numbers against themselves

`make paper_audit` checks the published Tables 2 and 3 and the numbers of the text for agreement, from the
rounded values alone, and writes every check to `paper_audit.csv`. A printed percentage stands for all values
that rounding half up or half to even sends to it, and counts are whole CTs. *Inconsistent* says that no
counts behind the rounded cells satisfy what was asked; it does not say which cell is wrong, nor why.
Unreadable cells are unknown. All of this is deduced from rounded numbers of a damaged copy: strong, not
proven.

`make docs` writes this file. Listed are findings over a whole table or statement, and single cells where few
of their group disagree."""


def audit_markdown(frame: pd.DataFrame) -> str:
    """Write the audit in short: a table of the checks, what each found, and what stays open.

    Findings over a table or statement are listed where they disagree or their agreement says something. Of
    single rows and cells the inconsistent ones are listed, or counted where many of a group are.

    Args:
        frame: with the columns of PAPER_AUDIT; no lines give the head and an empty table.
    """
    kind = frame["check"].str.partition(" ")[0]
    names = list(dict.fromkeys(kind))
    table = [
        "| check | question | consistent | inconsistent | undecidable |",
        "|---|---|---|---|---|",
        *(_table_line(name, frame[kind == name]) for name in names),
    ]
    parts = [HEAD, "\n".join(table)]
    for name in names:
        lines = _lines(frame[kind == name])
        if lines:
            parts.append("\n".join([f"## {_question(name)}", "", *(f"- {line}" for line in lines)]))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write docs/paper_audit.md anew."""
    text = audit_markdown(paper_audit(printed_rows(), statements(), table1_methods()))
    write_atomically(FILE, lambda path: path.write_text(text, encoding="utf-8"))


def _question(name: str) -> str:
    return QUESTIONS.get(name, name)


def _table_line(name: str, part: pd.DataFrame) -> str:
    counts = [str((part["verdict"] == verdict).sum()) for verdict in (CONSISTENT, INCONSISTENT, UNDECIDABLE)]
    return f"| {name} | {_question(name)} | {' | '.join(counts)} |"


def _lines(part: pd.DataFrame) -> list[str]:
    single = part["method"].ne("") & part["test_set"].ne("")
    listed = part["verdict"].ne(CONSISTENT) | part["check"].isin(AGREEMENT_COUNTS)
    lines = [
        f"{_place(row, '')}{row['finding']} ({row['verdict']})."
        for _, row in part[~single & listed].iterrows()
    ]
    for _, group in part[single].groupby(GROUP, sort=False):
        lines += _group_lines(group)
    return lines


def _group_lines(group: pd.DataFrame) -> list[str]:
    """List the inconsistent cells of one table, test set, target and stratum, or count them."""
    row_by_row = group["check"].iloc[0] in ROW_BY_ROW
    wrong = group[group["verdict"].isin([CONSISTENT, INCONSISTENT] if row_by_row else [INCONSISTENT])]
    if row_by_row or len(wrong) <= MOST_LINES:
        return [f"{_place(row, row['metric'])}{row['finding']}." for _, row in wrong.iterrows()]
    table, test_set, target, stratum = (group[name].iloc[0] for name in GROUP)
    return [f"Table {table}, {test_set}, {target}, {stratum}: {len(wrong)} of {len(group)} inconsistent."]


def _place(row: pd.Series, metric: str) -> str:
    """Say in front of a finding what it is about."""
    single = bool(row["method"] and row["test_set"])
    words = [
        row["check"].partition(" ")[2].replace("_", " "),
        row["test_set"],
        row["target"],
        row["stratum"] if row["stratum"] != "all" else "",
        f"{row['method']} ({row['masks']} masks)" if single else "",
        metric,
    ]
    place = ", ".join(word for word in words if word)
    return f"{place}: " if place else ""


if __name__ == "__main__":
    main()
