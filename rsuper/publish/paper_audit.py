"""The paper's published tables checked against themselves: which numbers fit together, and which cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from rsuper.publish.audit.counts import check_f1, implied_negatives
from rsuper.publish.audit.finding import CONSISTENT, INCONSISTENT, UNDECIDABLE
from rsuper.publish.audit.negatives import (
    check_negatives_of_rows,
    check_negatives_of_test_sets,
    check_tumors_of_both,
)
from rsuper.publish.audit.orders import check_all_positive, check_claims
from rsuper.publish.audit.overlap import check_overlap
from rsuper.publish.audit.printed import PrintedRow, Statements
from rsuper.publish.audit.sizes import (
    check_cells,
    check_strata_specificity,
    check_strata_sum,
    check_stratum_sizes,
)
from rsuper.publish.audit.text import (
    check_alternatives,
    check_gains,
    check_silence,
    check_text_with_itself,
    check_totals,
)
from rsuper.schemas import PAPER_AUDIT

# What the twins show; the findings repeat what else the table holds.
SHOWN = ("check", "table", "test_set", "target", "stratum", "method", "masks", "metric", "verdict", "finding")
NOTE = (
    "Inconsistent: no counts behind the rounded cells satisfy what is checked; which cell is wrong is open. "
    "Percent; counts are whole CTs; what is unreadable in our copy is unknown."
)
_SEVERITY = {INCONSISTENT: 0, UNDECIDABLE: 1, CONSISTENT: 2}


def paper_audit(
    rows: Sequence[PrintedRow], statements: Statements, table1: Mapping[str, bool]
) -> pd.DataFrame:
    """Run every check on printed tables and statements.

    Nothing but the numbers given is used: an empty sequence of rows leaves the checks of the text alone.
    `inconsistent` means that no counts behind the rounded cells satisfy what is checked; it does not say
    which of the cells involved is wrong.

    Args:
        rows: Tables 2 and 3.
        statements: numbers of the text, and the claims.
        table1: methods of Table 1, each with whether it uses reports.

    Returns:
        The columns of PAPER_AUDIT, one line per check and cell, row, group or statement. Checks stand in a
        fixed order, what is inconsistent first within each.
    """
    implied = implied_negatives(rows, statements)
    found = [
        *check_f1(rows, statements),
        *check_negatives_of_rows(rows, statements, implied),
        *check_negatives_of_test_sets(statements, implied),
        *check_tumors_of_both(statements, implied),
        *check_overlap(rows, statements),
        *check_cells(rows, statements),
        *check_stratum_sizes(rows, statements),
        *check_strata_specificity(rows),
        *check_strata_sum(rows, statements),
        *check_all_positive(rows, statements, implied),
        *check_claims(rows, statements.claims),
        *check_gains(rows, statements.gains),
        *check_text_with_itself(statements),
        *check_totals(statements),
        *check_alternatives(rows, statements, table1),
        *check_silence(rows, statements),
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys(item.check for item in found))}
    found.sort(key=lambda item: (order[item.check], _SEVERITY[item.verdict]))
    columns = list(PAPER_AUDIT.columns)
    return pd.DataFrame([asdict(item) for item in found], columns=columns).astype({"masks": "Int64"})
