"""The tiny data set of tests/conftest.py as a cohort of its own, for figures that read files."""

from pathlib import Path

import pytest
from long_forms import make_experiment

from rsuper.artifacts import Layout, write_lines, write_table
from rsuper.collection import Collection
from rsuper.data.cohort import cohort_frame
from rsuper.data.sources.abdomenatlas import raw_cases, read_reports
from rsuper.reports.extract import extract
from rsuper.schemas import COHORT


@pytest.fixture(scope="session")
def filed(tmp_path_factory: pytest.TempPathFactory, tiny_cases, write_dataset) -> Collection:
    """Cohort and findings of the tiny data set."""
    folder: Path = tmp_path_factory.mktemp("filed")
    root, layout = folder / "raw", Layout(folder / "results")
    write_dataset(root, tiny_cases)
    found = {
        f"tiny_{case}": extract(f"tiny_{case}", text)
        for case, text in read_reports(root, "reports.csv").items()
    }
    write_lines((findings.model_dump_json() for findings in found.values()), layout.findings("tiny"))
    cohort = cohort_frame(list(raw_cases(root, "tiny", "metadata.csv")), found, "mask_train")
    write_table(cohort, layout.cohort("tiny"), COHORT)
    experiment = make_experiment(
        name="tiny",
        datasets={"tiny": {"source": "abdomenatlas", "root": str(root)}},
        test_sets={"internal": {"role": "test_internal", "label": "same hospital"}},
    )
    return Collection(experiment, layout)
