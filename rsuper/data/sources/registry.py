"""Which adapter reads which data set.

A source is one file of this folder, named as in the experiment file (`rsuper/config/dataset.py` lists the
names and what keys each takes). It has `cases(origin)`; where the data set has texts of reports
`reports(origin)` and `report_tables(origin)`, and `report_files(origin)` for texts in files of their own;
where its cases come from tables `tables(origin)`. Adapters are imported by name, so that editing one runs
again what was made from its data sets, and nothing else.
"""

import importlib
from pathlib import Path
from types import ModuleType

from rsuper.config.dataset import MADE, Dataset
from rsuper.data.sources.raw_case import Origin, RawCase

_PACKAGE = "rsuper.data.sources"


def adapter_name(source: str) -> str:
    """Name of the module that reads a source; what a rule makes is in the AbdomenAtlas layout."""
    return "abdomenatlas" if source in MADE else source


def adapter_file(source: str) -> Path:
    """File of the module that reads a source, for fingerprints."""
    return Path(__file__).with_name(f"{adapter_name(source)}.py")


def _adapter(origin: Origin) -> ModuleType:
    return importlib.import_module(f"{_PACKAGE}.{adapter_name(origin.settings.source)}")


def read_cases(origin: Origin) -> list[RawCase]:
    """List the cases of a data set.

    Raises:
        ArtifactError, DataError: the layout or a table of it cannot be used; names files and cases.
    """
    cases: list[RawCase] = _adapter(origin).cases(origin)
    return cases


def read_reports(origin: Origin) -> dict[str, str]:
    """Read the texts of reports, source case id -> text; none where the data set has none.

    Raises:
        ArtifactError, DataError: a table of reports cannot be used.
    """
    adapter = _adapter(origin)
    reports: dict[str, str] = adapter.reports(origin) if hasattr(adapter, "reports") else {}
    return reports


def read_listed_reports(origin: Origin) -> dict[str, str]:
    """Read the reports of the cases that are used: a download has texts of others too.

    Where the cases are named by hand every report is returned, so that one without its case is noticed.

    Raises:
        ArtifactError, DataError: as `read_cases` and `read_reports`.
    """
    texts = read_reports(origin)
    if not texts or named_by_hand(origin.settings):
        return texts
    listed = {case.source_id for case in read_cases(origin)}
    return {case: text for case, text in texts.items() if case in listed}


def named_by_hand(settings: Dataset) -> bool:
    """Whether the cases are those of a metadata table in the plain layout, or made by a rule.

    Whoever wrote that table meant its cases: there, what cannot be used is an error. A download may have
    damaged or missing files, which are rows with a reason.
    """
    return adapter_name(settings.source) == "abdomenatlas" and settings.role is None


def report_files(origin: Origin) -> list[Path]:
    """Every file that texts of reports are in; they need not exist."""
    adapter = _adapter(origin)
    files: list[Path] = adapter.report_files(origin) if hasattr(adapter, "report_files") else []
    return [*report_tables(origin), *files]


def report_tables(origin: Origin) -> list[Path]:
    """Tables that reports are read from; they need not exist."""
    adapter = _adapter(origin)
    files: list[Path] = adapter.report_tables(origin) if hasattr(adapter, "report_tables") else []
    return files


def case_tables(origin: Origin) -> list[Path]:
    """Tables that the list of cases depends on, the metadata table among them; they need not exist."""
    adapter = _adapter(origin)
    files: list[Path] = adapter.tables(origin) if hasattr(adapter, "tables") else []
    settings = origin.settings
    given = settings.role or settings.splits
    return files if given else [*files, origin.root / settings.metadata]
