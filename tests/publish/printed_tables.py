"""Made-up printed tables for the audit's tests."""

from rsuper.publish.audit.printed import PrintedRow, Statements


def row(
    stratum="all", table=None, method="r_super", masks=50, target="a", test_set="T", guessed=False, **cells
):
    """A printed row; `se` and `sp` stand for sensitivity and specificity."""
    long = {"se": "sensitivity", "sp": "specificity"}
    return PrintedRow(
        table=table or ("2" if stratum == "all" else "3"),
        stratum=stratum,
        method=method,
        masks=masks,
        reports=0,
        target=target,
        test_set=test_set,
        cells={long.get(name, name): value for name, value in cells.items()},
        guessed=guessed,
    )


def stated(normals=50, **tumors):
    """Statements about test set T and target a: all=50, small=15, ..."""
    return Statements(
        normals={"T": normals}, tumors={("T", "a", stratum): count for stratum, count in tumors.items()}
    )


def verdicts(findings):
    return [item.verdict for item in findings]
