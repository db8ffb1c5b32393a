"""Bad maps, downloads and tables between rules, beside those of tests/data/test_bad_input.py."""

import gzip
import json

import numpy as np
import pytest

from rsuper.artifacts import read_json, read_table
from rsuper.config.dataset import Dataset
from rsuper.config.load import parse
from rsuper.data.headers import Grid
from rsuper.data.mask_sources import masks_from_text
from rsuper.data.public_lists import write_lists
from rsuper.data.sources.kits_records import records
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import read_cases
from rsuper.data.volumes import read_probability
from rsuper.schemas import METRICS, VOLUMES
from tests.bad_input.refused import kinds, refused
from tests.data.bad_site import AFFINE, SHAPE, patch, save

GRID = Grid(SHAPE, AFFINE, AFFINE)
HALF = np.full(SHAPE, 0.5, np.float32)


def changed(value: float) -> np.ndarray:
    array = HALF.copy()
    array[1, 1, 1] = value
    return array


MAPS = {
    "map above 1": (changed(1.5), r"map.nii.gz: expected probabilities in \[0, 1\]"),
    "map below 0": (changed(-0.1), r"map.nii.gz: expected probabilities in \[0, 1\]"),
    "infinite map": (changed(np.inf), r"map.nii.gz: expected probabilities in \[0, 1\]"),
    "map of another shape": (HALF[:, :, :-1], "map.nii.gz: the map has shape"),
    "map in 4D": (HALF[..., None] * np.ones(2, np.float32), "map.nii.gz: expected three dimensions"),
}


@pytest.mark.parametrize("name", kinds("images", MAPS))
def test_maps(name, tmp_path):
    array, says = MAPS[name]
    save(array, tmp_path / "map.nii.gz")
    refused(lambda: read_probability(tmp_path / "map.nii.gz", GRID), says)


@pytest.mark.parametrize(
    "name", kinds("images", ["truncated map", "map that is not there", "map of a wrong slope"])
)
def test_damaged_maps(name, tmp_path):
    path = tmp_path / "map.nii.gz"
    save((HALF * 65535).astype(np.uint16), path)
    if name == "truncated map":
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5]))
    elif name == "map that is not there":
        path.unlink()
    else:
        patch(path, "scl_slope", 1e9, 0)
    refused(lambda: read_probability(path, GRID), "map.nii.gz: (damaged|no such file|expected prob)")


SOURCES = {
    "kits19": "no case of source kits19",
    "kits23": "no case of source kits23",
    "pants": "no case of source pants",
    "msd_pancreas": "no case of source msd_pancreas",
    "abdomenatlas3": "no case of source abdomenatlas3",
    "merlin": "reports_final",
    "panorama": "clinical_information|no case of source panorama",
    "ct_rate": "no case of source ct_rate|no such file",
}


@pytest.mark.parametrize("source", kinds("tables", SOURCES))
def test_an_empty_folder_is_no_download(source, tmp_path):
    settings = parse(Dataset, {"source": source, "root": str(tmp_path), "role": "test_x"}, "own.yaml")
    refused(lambda: read_cases(Origin("own", tmp_path, settings)), SOURCES[source])


RECORDS = {
    "records that are no JSON": (b"[", "kits.json: damaged JSON"),
    "records not in UTF-8": (b"\xff", "kits.json: damaged JSON"),
    "records that are no list": (b"{}", "kits.json: expected a list of records with 'case_id'"),
    "records without ids": (b"[{}]", "kits.json: expected a list of records with 'case_id'"),
}


@pytest.mark.parametrize("name", kinds("tables", RECORDS))
def test_records(name, tmp_path):
    content, says = RECORDS[name]
    (tmp_path / "kits.json").write_bytes(content)
    refused(lambda: records(tmp_path / "kits.json"), says)


HEAD = ",".join(METRICS.columns)
ROW = ["few", "m", "0", "internal", "kidney", "all", "auc", "", "", ".5", ".4", ".6", "x", "3", "4", "", ""]


def metrics(**cells: str) -> bytes:
    row = dict(zip(METRICS.columns, ROW, strict=True)) | cells
    return f"{HEAD}\n{','.join(row.values())}\n".encode()


ARTIFACTS = {
    "empty metrics": (b"", "metrics.csv: the file is empty; expected columns"),
    "metrics without a column": (
        metrics().replace(b"ci_low", b"low"),
        r"metrics.csv: .*\['ci_low'\] missing",
    ),
    "metrics with a word": (
        metrics(value="high"),
        "metrics.csv: row 2, column 'value': expected a number, got 'high'",
    ),
    "metrics with half a case": (metrics(n_positive="2.5"), "row 2, column 'n_positive': expected a count"),
    "metrics without a count": (
        metrics(n_negative=""),
        "row 2, column 'n_negative': expected a count, got ''",
    ),
    "metrics with an endless count": (metrics(n_negative="1e400"), "column 'n_negative': expected a count"),
    "metrics not in UTF-8": (
        metrics(reason="\xff").decode().encode("latin-1"),
        "not readable as CSV in UTF-8",
    ),
    "metrics with a cell too many": (metrics(reason="a,b"), "metrics.csv: not readable as CSV|more cells"),
}


@pytest.mark.parametrize("name", kinds("tables", ARTIFACTS))
def test_tables_between_rules(name, tmp_path):
    content, says = ARTIFACTS[name]
    (tmp_path / "metrics.csv").write_bytes(content)
    refused(lambda: read_table(tmp_path / "metrics.csv", METRICS), says)


FLAGS = {"flag of another word": "perhaps", "blank flag": ""}


@pytest.mark.parametrize("name", kinds("tables", FLAGS))
def test_flags(name, tmp_path):
    path = tmp_path / "volumes.csv"
    path.write_text(f"{','.join(VOLUMES.columns)}\nA,1 1 1,1 1 1,{FLAGS[name]},\n")
    refused(lambda: read_table(path, VOLUMES), "volumes.csv: row 2, column 'has_tumors': expected a flag")


MASKS = {
    "masks that are no JSON": "{",
    "masks without organs": "{}",
    "masks of a kind": json.dumps({"organs": 3}),
}


@pytest.mark.parametrize("name", kinds("tables", MASKS))
def test_masks_of_a_cohort(name):
    refused(lambda: masks_from_text(MASKS[name]), "cohort.csv: column 'masks' is damaged")


JSON = {"record that is a folder": None, "record with NUL": b"\x00", "record of nothing": b""}


@pytest.mark.parametrize("name", kinds("tables", JSON))
def test_records_of_runs(name, tmp_path):
    path = tmp_path / "run.json"
    path.mkdir() if JSON[name] is None else path.write_bytes(JSON[name])
    refused(lambda: read_json(path), "run.json: (cannot be read: Is a directory|damaged JSON)")


@pytest.mark.parametrize("name", kinds("tables", ["PanTS without its table"]))
def test_public_lists(name, tmp_path):
    refused(lambda: write_lists(tmp_path, tmp_path, tmp_path), "metadata.xlsx|clinical_information")
