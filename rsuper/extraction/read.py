"""Findings of all reports of a data set, by whom the experiment says, each report accounted for."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rsuper.config.experiment import Extraction
from rsuper.errors import DataError
from rsuper.extraction.ask import FAILED, PARSED, Extracted, ask_all, ledger_row
from rsuper.extraction.prompt import read_prompt
from rsuper.extraction.store import Outcome, Store
from rsuper.extraction.tables import read_table_findings
from rsuper.progress import tracked
from rsuper.reports.extract import extract
from rsuper.schemas import EXTRACTION_LEDGER

_READ, _MISSING = Outcome(PARSED, "", "", 0, 0.0), Outcome(FAILED, "not in the table", "", 0, 0.0)


def read_all(reports: Mapping[str, str], settings: Extraction, store: Path) -> Extracted:
    """Read every report by our rules, from a table of others, or by a model whose answers the store keeps.

    Raises:
        ConfigError: there is no such prompt.
        DataError: see `ask_all` and `read_table_findings`; or the table lacks more reports than may fail.
    """
    if settings.extractor == "rules":
        return _by_rules(reports)
    if settings.extractor == "table":
        return _from_table(reports, settings)
    kept = Store(store)
    try:
        return ask_all(reports, settings, read_prompt(settings.prompt), kept)
    finally:
        kept.close()


def _by_rules(reports: Mapping[str, str]) -> Extracted:
    found = tuple(extract(case, text) for case, text in tracked(reports.items(), "reports", unit="reports"))
    rows = [ledger_row(each.case_id, "", _READ, "rules", f"rules:{each.version}") for each in found]
    return Extracted(found, pd.DataFrame(rows, columns=list(EXTRACTION_LEDGER.columns)))


def _from_table(reports: Mapping[str, str], settings: Extraction) -> Extracted:
    """Take what others extracted; a report that their table lacks is as if there were none."""
    assert settings.table is not None
    path, certain = Path(settings.table), settings.kidney_lesions == "tumors"
    found = read_table_findings(path, settings.form, reports, kidney_certain=certain)
    missing = [case for case in reports if case not in found]
    if len(missing) > settings.most_failed * len(reports):
        raise DataError(
            f"{path}: {len(missing)} of {len(reports)} reports are not in it, '{missing[0]}' the first; are"
            " its case ids those of the data set? Else raise extraction.most_failed"
        )
    rows = [
        ledger_row(case, "", _READ, "table", path.name)
        if case in found
        else ledger_row(case, "", _MISSING, "nobody", path.name)
        for case in reports
    ]
    ledger = pd.DataFrame(rows, columns=list(EXTRACTION_LEDGER.columns))
    return Extracted(tuple(found[case] for case in reports if case in found), ledger)
