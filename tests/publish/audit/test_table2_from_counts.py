"""The metrics give back every consistent row of the paper's Table 2 from counts of CTs."""

import itertools

import numpy as np
import pytest

from rsuper.metrics.detection import confusion_at
from rsuper.publish.audit.printed import printed_rows
from rsuper.publish.audit.rounding import counts_printed_as

# Tumor CTs as stated, and the negatives that fit most rows (see test_paper_audit.py).
COLUMNS = {
    ("pancreas", "JHH-Test"): (50, (50,)),
    ("pancreas", "UCSF-Test"): (139, range(222, 228)),
    ("kidney", "UCSF-Test"): (169, range(195, 201)),
}
# Rows that no counts give (the audit's items 1 and 2).
INCONSISTENT = {
    ("JHH-Test", "pancreas", "rg_pseudo_labels", 344),
    ("JHH-Test", "pancreas", "models_genesis", 344),
    ("UCSF-Test", "kidney", "segmentation", 1674),
}
PRINTED = ("sensitivity", "specificity", "f1")


def complete_rows():
    for row in printed_rows():
        cells = tuple(row.cell(metric) for metric in PRINTED)
        if row.table == "2" and not row.guessed and None not in cells:
            yield row, cells


def printed_from(tp, fp, positives, negatives):
    """Se, Sp and F1 in percent, by calls at a threshold."""
    labels = np.repeat([1, 0], [positives, negatives])
    calls = np.concatenate([np.arange(positives) < tp, np.arange(negatives) < fp])
    counts = confusion_at(labels, calls.astype(float), 0.5)
    # Half up, on exact fractions of counts.
    return tuple(int(100 * getattr(counts, metric) + 0.5 + 1e-9) for metric in PRINTED)


def test_every_consistent_row_follows_from_counts():
    wrong, right = set(), 0
    for row, cells in complete_rows():
        positives, sizes = COLUMNS[row.target, row.test_set]
        found = (
            printed_from(tp, negatives - tn, positives, negatives)
            for negatives in sizes
            for tp, tn in itertools.product(
                counts_printed_as(cells[0], positives), counts_printed_as(cells[1], negatives)
            )
        )
        if cells in found:
            right += 1
        else:
            wrong.add((row.test_set, row.target, row.method, row.masks))
    assert wrong == INCONSISTENT
    assert right == 8 + 11 + 10


@pytest.mark.parametrize(
    ("tp", "fp", "printed"), [(47, 6, (94, 88, 91)), (46, 6, (92, 88, 90)), (50, 50, (100, 0, 67))]
)
def test_by_hand(tp, fp, printed):
    assert printed_from(tp, fp, 50, 50) == printed
