"""What the audit found, for reading, and as the one paragraph that stops a run."""

from pathlib import Path

import pandas as pd

from rsuper.data.audit.known import SEVERITIES, Known
from rsuper.data.audit.registry import CHECKS
from rsuper.errors import DataError


def audit_markdown(frame: pd.DataFrame, known: Known) -> str:
    """Write the findings as Markdown: counts, each finding with its cases, and the checks that found nothing.

    Args:
        frame: rows of AUDIT.
        known: what was audited.
    """
    used = known.cohort
    parts = [
        f"# Audit of the data of `{known.experiment.name}`",
        f"{len(used)} CTs of {used['patient_id'].nunique()} patients in {used['dataset'].nunique()} data "
        f"sets, {len(CHECKS)} checks: {_counted(frame)}.",
        *(_section(row) for _, row in frame.iterrows()),
    ]
    silent = [check for check in CHECKS if check.__name__ not in set(frame["check"])]
    if silent:
        lines = [f"- `{check.__name__}`: {(check.__doc__ or '').splitlines()[0]}" for check in silent]
        parts += ["## Checks that found nothing", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def refuse_stops(frame: pd.DataFrame, document: Path) -> str:
    """Return the counts of an audit that lets a run go on.

    Args:
        frame: rows of AUDIT.
        document: where all findings can be read.

    Raises:
        DataError: a finding stops the run; every such finding is named with the first of its cases.
    """
    stops = frame[frame["severity"] == "stop"]
    if len(stops):
        named = "; ".join(
            f"{row['check']}: {row['finding']} ({_first(row)}); to mend it, {row['advice']}"
            for _, row in stops.iterrows()
        )
        raise DataError(f"the audit stops the run. {named}. All findings: {document}")
    return _counted(frame)


def _counted(frame: pd.DataFrame) -> str:
    counts = {severity: int((frame["severity"] == severity).sum()) for severity in SEVERITIES}
    return ", ".join(f"{n} {name}" if n == 1 else f"{n} {name}s" for name, n in counts.items())


def _section(row: pd.Series) -> str:
    cases = str(row["cases"]).split()
    more = row["n_cases"] - len(cases)
    named = ", ".join(f"`{case}`" for case in cases) + (f" and {more} more" if more else "")
    lines = [
        f"## {str(row['severity']).capitalize()}: {row['finding']}",
        "",
        f"- Check: `{row['check']}`",
        f"- Cases ({row['n_cases']}): {named}" if cases else "- Cases: no single ones to name",
        f"- What the suite does: {row['action']}",
        f"- What you can do: {row['advice']}",
    ]
    return "\n".join(lines)


def _first(row: pd.Series) -> str:
    cases = str(row["cases"]).split()[:5]
    more = row["n_cases"] - len(cases)
    return ", ".join(cases) + (f" and {more} more" if more else "")
