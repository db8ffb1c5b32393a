"""What is fuzzed: texts of reports, experiment files and cards, tables, NIfTI files.

Each target is a strategy and a check. A check may refuse its input by an error of ours, in one paragraph; any
other exception, and any warning, is a defect. It says whether the input was accepted, so that a run that only
ever refuses is seen.
"""

import gzip
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from rsuper import schemas
from rsuper.artifacts import read_table
from rsuper.config.dataset import Dataset
from rsuper.config.experiment import ReportVectors
from rsuper.config.load import load_experiment, parse
from rsuper.data.cohort import read_findings
from rsuper.data.headers import Grid
from rsuper.data.report_vectors import encoded, read_vectors
from rsuper.data.sources.raw_case import Origin
from rsuper.data.sources.registry import read_cases, read_listed_reports
from rsuper.data.sources.tables import read_columns
from rsuper.data.volumes import read_ct, read_grid, read_labels, read_mask, read_probability, read_volume
from rsuper.errors import RsuperError
from rsuper.extraction.tables import read_table_findings
from rsuper.methods import METHODS, read_card, with_upstream
from rsuper.reports.extract import extract
from rsuper.reports.findings import ReportFindings, report_sha256
from rsuper.reports.llm import InvalidAnswerError, findings_of, parse_answer
from tests.data.bad_site import AFFINE, OFFSETS, REPORT, SHAPE, sound_site

ROOT = Path(__file__).resolve().parents[2]
Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Target:
    """Something that reads what a user gives it."""

    inputs: Callable[[], SearchStrategy[Any]]
    check: Check  # whether it was accepted


@cache
def scratch() -> Path:
    """A folder of this process."""
    holder = tempfile.TemporaryDirectory(prefix="rsuper-fuzz-")
    scratch.holder = holder  # type: ignore[attr-defined]  # it lives as long as the process
    return Path(holder.name)


def accepted(read: Callable[[], object]) -> bool:
    """Whether an input is read; an error of ours must be one paragraph that says something."""
    try:
        read()
    except RsuperError as error:
        text = str(error)
        assert text.strip(), "an empty message"
        assert "\n" not in text, f"more than one paragraph: {text!r}"
        assert len(text) < 5000, f"{len(text)} characters: {text[:200]!r}"
        return False
    return True


# ------------------------------------------------------------------------------------------- mutations

ODD_BYTES = [b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b",", b";", b"\t", b"'", b"\x1a"]
ODD_BYTES += [b"\xe2\x80\xa8", b"\xed\xa0\x80", b"1e999", b"-0", b"nan", b"9" * 400, b"../", b"#", b"=1+1"]
ODD_BYTES += [b"x" * 140_000, b"\x85", b"{", b"[", b"&a", b"*a", b"!!python/name:os.system", b"%s"]


@st.composite
def changed_bytes(draw: DrawFn, seed: bytes, most: int = 6) -> bytes:
    """A file with some of its bytes replaced, removed, said twice, or with odd ones among them."""
    data = seed
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200, 10**6])))
        kind = draw(st.sampled_from(["odd", "any", "drop", "twice", "swap"]))
        if kind == "odd":
            data = data[:start] + draw(st.sampled_from(ODD_BYTES)) + data[stop:]
        elif kind == "any":
            data = data[:start] + draw(st.binary(max_size=8)) + data[stop:]
        elif kind == "drop":
            data = data[:start] + data[stop:]
        elif kind == "twice":
            data = data[:stop] + data[start:]
        else:
            other = draw(st.integers(0, len(data)))
            data = data[:start] + data[other : other + 20] + data[stop:]
        data = data[:400_000]
    return data


# --------------------------------------------------------------------------------------------- reports

WORDS = [
    "Findings: ",
    "Impression: ",
    "History: ",
    "Technique: ",
    "There is a ",
    "masses ",
    "mass",
    "lesion",
    "tumor",
    "cyst",
    "nodule",
    "pancreatic head",
    "tail of the pancreas",
    "left kidney",
    "right renal cortex",
    "both kidneys",
    "liver",
    "the pancreas",
    "kidneys",
    "2.3 cm",
    "23 x 14 mm",
    "1.1 x 2.2 x 3.3 cm",
    "0 mm",
    "1e9 cm",
    "sub-centimeter",
    "up to 4 cm",
    ", previously 12 mm",
    "2,3 cm",
    "3-4 cm",
    "measures ",
    "measuring ",
    "unremarkable.",
    "normal. ",
    "No ",
    "without ",
    "previously ",
    "status post distal pancreatectomy",
    "two ",
    "multiple ",
    "one ",
    "second ",
    "It measures ",
    "hypoattenuating ",
    "heterogeneous ",
    "suspicious for ",
    "cannot exclude ",
    "vs. ",
    "e.g. ",
    "stable.",
    "\n",
    "\n\n",
    ". ",
    "; ",
    ": ",
    ", ",
    "(",
    ")",
    '"',
    "•",
    "-",
    "1. ",
    "?",
    "!",
    "...",
    " and ",
    " or ",
    " but ",
    " with ",
    "\t",
    "\r\n",
    "\x00",
    "\u2028",
    "\ufeff",
    "½",
    "\xd7",
    "cm",
    "mm",
    "٣",
    "㎝",
    "İ",
    "ß",
]


@st.composite
def report_texts(draw: DrawFn) -> str:
    """Sentences of a radiologist, words of one in any order, any characters, and all of it mixed."""
    parts = st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(WORDS),
        st.sampled_from([REPORT, "Pancreas: Unremarkable. Kidneys: A mass of 2 cm."]),
        st.text(max_size=12),
        st.text(st.characters(categories=["Nd", "Zs", "Pd", "Sm", "Cs", "Cf", "Mn"]), max_size=6),
        st.floats().map(lambda number: f"{number} cm "),
    )
    text = "".join(draw(st.lists(parts, max_size=40)))
    return text * draw(st.sampled_from([1, 1, 1, 1, 1, 2, 60]))


ANSWER = {
    "pancreas": {
        "status": "tumor",
        "tumors": [
            {
                "location": ["body"],
                "diameters_mm": [20.0],
                "prior_diameters_mm": [],
                "count": 1,
                "attenuation": "hypo",
                "certain": True,
                "quote": "2.0 cm hypoattenuating mass in the pancreatic body",
            }
        ],
    },
    "kidney": {"status": "no_tumor", "tumors": []},
}


def check_report(given: tuple[str, bytes, list[str]]) -> bool:
    """Reading a report never fails and says only what can be; a model's answer is used or refused."""
    text, answer, others = given
    found = extract("own_A", text)
    assert ReportFindings.model_validate_json(found.model_dump_json()) == found
    assert found.report_sha256 == report_sha256(text)
    for finding in found.findings:
        assert 0 <= finding.span[0] < finding.span[1] <= len(text)
    with suppress(InvalidAnswerError):
        findings_of(parse_answer(answer.decode("utf-8", "replace"))[0], "own_A", text, "1")
    accepted(lambda: encoded({str(n): t for n, t in enumerate([text, *others])}, ReportVectors(length=4)))
    return bool(found.findings or found.absent)


REPORTS = Target(
    lambda: st.tuples(
        report_texts(),
        st.one_of(st.just(json.dumps(ANSWER).encode()), changed_bytes(json.dumps(ANSWER).encode(), 3)),
        st.lists(st.text(max_size=8), max_size=3),
    ),
    check_report,
)


# ---------------------------------------------------------------------------------------------- config

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "..", "../x", "/", "a/b", "a\nb", "{ct}", "kidney", "table", "2020-13-45", "\ud800"]
    ),
    st.lists(st.integers(-1, 2) | st.text(max_size=3), max_size=4),
    st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=4), max_size=3),
)


@cache
def yaml_seeds() -> tuple[tuple[str, bytes], ...]:
    """Experiment files and cards that come with the project, by kind."""
    files = [("experiment", path) for path in sorted((ROOT / "config").glob("*.yaml"))]
    files += [("card", path) for path in sorted(METHODS.glob("*/method.yaml"))]
    return tuple((kind, path.read_bytes()) for kind, path in files)


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Every (mapping or list, key) of nested content."""
    items = list(content.items()) if isinstance(content, dict) else list(enumerate(content))
    found = [(content, key) for key, _ in items]
    for _, value in items:
        if isinstance(value, dict | list):
            found += _places(value)
    return found


@st.composite
def yaml_files(draw: DrawFn, seeds: tuple[tuple[str, bytes], ...]) -> tuple[str, bytes]:
    """An experiment file or card with keys or values changed, or with other characters in it."""
    kind, seed = draw(st.sampled_from(seeds))
    if draw(st.booleans()):
        return kind, draw(changed_bytes(seed))
    content = yaml.safe_load(seed)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(_places(content)))
        if key not in (holder if isinstance(holder, dict) else range(len(holder))):
            continue
        if isinstance(holder, dict) and draw(st.booleans()):
            renamed = draw(st.sampled_from([f"{key}s", str(key)[1:], str(key).upper()]) | VALUES)
            value = holder.pop(key) if draw(st.booleans()) else draw(VALUES)
            holder[renamed if isinstance(renamed, str | int | float | None) else "x"] = value
        else:
            holder[key] = draw(VALUES)
    if isinstance(content, dict) and draw(st.booleans()):
        content[draw(st.sampled_from(["methods", "engine", "extraction", "hypotheses"]))] = draw(VALUES)
    return kind, yaml.safe_dump(content).encode("utf-8", "surrogatepass")


def check_yaml(given: tuple[str, bytes]) -> bool:
    """An experiment file, then the methods that it names with their settings, or a card."""
    kind, content = given
    folder = scratch() / "method"
    folder.mkdir(exist_ok=True)
    (folder / "method.yaml").write_bytes(content)
    if kind == "card":
        return accepted(lambda: read_card(folder))
    for path in (ROOT / "config").glob("*.yaml"):  # what a file may extend
        if not (folder / path.name).exists():
            (folder / path.name).write_bytes(path.read_bytes())
    return accepted(lambda: _whole_experiment(folder / "method.yaml"))


def _whole_experiment(path: Path) -> None:
    experiment = load_experiment(path)
    for name, values in experiment.methods.items():
        with_upstream([name])[name].config(values)
    json.dumps(experiment.model_dump(mode="json"))


CONFIG = Target(lambda: yaml_files(yaml_seeds()), check_yaml)


# ---------------------------------------------------------------------------------------------- tables

SOURCES = {"cases.csv": "table", "metadata.csv": "abdomenatlas", "reports.csv": "abdomenatlas"}
NAMED = {name: table for name, table in vars(schemas).items() if isinstance(table, schemas.Table)}
NUMBERS = {schemas.TEXT: "a", schemas.NUMBER: "1.5", schemas.COUNT: "3", schemas.FLAG: "True"}
PER_CT = (
    b"case_id,number of pancreatic lesion instances,largest pancreatic lesion diameter (cm),"
    b"number of kidney lesion instances,largest kidney lesion diameter (cm)\nR,1,2.5,0,\n"
)
PER_TUMOR = (
    b"BDMAP_ID,Standardized Organ,Standardized Location,Tumor Size (mm),Unknow Tumor Size,"
    b"Standardized Attenuation\nR,pancreas,head,23 x 14,no,hypo\nR,kidney,left,u,yes,\n"
)


@cache
def site_folder() -> Path:
    """A sound site, whose tables are replaced one at a time."""
    return sound_site(scratch() / "site").root


@cache
def table_seeds() -> dict[str, bytes]:
    """A sound table of each kind."""
    seeds = {name: (site_folder() / name).read_bytes() for name in SOURCES}
    for name, table in NAMED.items():
        cells = ",".join(NUMBERS[kind] for kind in table.columns.values())
        seeds[f"table {name}"] = f"{','.join(table.columns)}\n{cells}\n{cells}\n".encode()
    seeds["vectors"] = b"case_id,v0,v1\nR,0.5,-1\nA,1e-3,2\n"
    seeds |= {"per_ct": PER_CT, "per_tumor": PER_TUMOR}
    seeds["findings.jsonl"] = (extract("own_R", REPORT).model_dump_json() + "\n").encode()
    seeds["kits.json"] = json.dumps([{"case_id": "case_00000", "age_at_nephrectomy": 61}]).encode()
    seeds["cases.xlsx"] = _excel(seeds["cases.csv"].decode())
    return seeds


def _excel(text: str) -> bytes:
    """A sheet of inline texts."""
    rows = "".join(
        "<row>"
        + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in line.split(","))
        + "</row>"
        for line in text.replace("&", "").replace("<", "").splitlines()
    )
    xml = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{rows}</worksheet>'
    path = scratch() / "made.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", xml)
    return path.read_bytes()


@st.composite
def tables(draw: DrawFn, seeds: Mapping[str, bytes]) -> tuple[str, bytes]:
    """A table of one kind with other bytes or other cells in it."""
    kind, seed = draw(st.sampled_from(sorted(seeds.items())))
    if kind == "cases.xlsx" and draw(st.booleans()):
        return kind, _excel(draw(changed_bytes(seeds["cases.csv"])).decode("ascii", "ignore"))
    if draw(st.booleans()) or not kind.endswith("csv"):
        return kind, draw(changed_bytes(seed))
    lines = [line.split(b",") for line in seed.splitlines()]
    odd = st.sampled_from(
        [b"", b" ", b"1e400", b"-1", b"0.5", b"\x00", b'"', b"#", b"a#1+", b"A\xff", b"../A"]
    )
    odd = odd | st.text(max_size=6).map(lambda text: text.encode("utf-8", "replace"))
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.sampled_from(lines))
        row[draw(st.integers(0, len(row) - 1))] = draw(odd)
    return kind, b"\n".join(b",".join(row) for row in lines)


def check_table(given: tuple[str, bytes]) -> bool:
    """Read a table as whoever needs it does."""
    kind, content = given
    path = site_folder() / kind
    before = path.read_bytes() if kind in SOURCES else None
    path = path if kind in SOURCES else scratch() / kind.replace(" ", "_")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        return accepted(lambda: _read_table(kind, path))
    finally:
        if before is not None:
            path.write_bytes(before)


def _read_table(kind: str, path: Path) -> None:
    if kind in SOURCES:
        settings = parse(Dataset, {"source": SOURCES[kind], "root": str(path.parent)}, "own.yaml")
        origin = Origin("own", path.parent, settings)
        read_listed_reports(origin)
        for case in read_cases(origin):
            for file in (case.ct, *case.masks.files):
                assert file.is_relative_to(path.parent)
                assert ".." not in file.parts
    elif kind.startswith("table "):
        read_table(path, NAMED[kind.removeprefix("table ")])
    elif kind == "vectors":
        read_vectors(path)
    elif kind in ("per_ct", "per_tumor"):
        read_table_findings(path, kind, {"R": REPORT}, kidney_certain=False)  # type: ignore[arg-type]
    elif kind == "findings.jsonl":
        read_findings(path)
    elif kind == "cases.xlsx":
        read_columns(path, {"case_id": ("case_id",), "ct": ("ct",)}, {"role": ("role",)})
    else:
        from rsuper.data.sources.kits_records import records

        records(path)


TABLES = Target(lambda: tables(table_seeds()), check_table)


# ----------------------------------------------------------------------------------------------- NIfTI

TYPES = (np.uint8, np.int16, np.float32, np.uint16, np.float64, np.int32, np.int8)
FIELDS = {**OFFSETS, "bitpix": (72, "h"), "qform": (256, "f"), "sizeof_hdr": (0, "i"), "xyzt": (123, "B")}
COUNTS = {"dim": 8, "pixdim": 8, "srow": 12, "scl_slope": 2, "qform": 6, "codes": 2, "magic": 4}
NUMBERS_OF = {
    "f": st.floats(width=32) | st.sampled_from([0.0, 1.0, -1.0, 1e-30, 1e30]),
    "h": st.integers(-(2**15), 2**15 - 1) | st.sampled_from([0, 1, 2, 3, 4, 8, 14, 16, 64, 128, 256, 512]),
    "i": st.integers(-(2**31), 2**31 - 1),
    "B": st.integers(0, 255),
}


@cache
def nifti_seeds() -> tuple[bytes, ...]:
    """Small sound files, not compressed: one per type, in several orders of axes; one with a slope."""
    seeds = []
    for number, dtype in enumerate(TYPES):
        array = np.random.default_rng(number).integers(0, 2, SHAPE).astype(dtype)
        affine = AFFINE @ np.diag([(-1) ** number, 1.0, 1.0, 1.0])
        image = nib.Nifti1Image(array, affine, dtype=dtype)
        if number == 3:
            image.header.set_slope_inter(1 / 65535, 0)
        path = scratch() / "seed.nii"
        nib.save(image, path)
        seeds.append(path.read_bytes())
    return tuple(seeds)


@st.composite
def nifti_files(draw: DrawFn, seeds: tuple[bytes, ...]) -> tuple[str, bytes]:
    """A file with other numbers in its header, other bytes anywhere, cut, or badly compressed."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        field = draw(st.sampled_from(sorted(FIELDS)))
        offset, kind = FIELDS[field]
        place = offset + struct.calcsize(kind) * draw(st.integers(0, COUNTS.get(field, 1) - 1))
        struct.pack_into(f"<{kind}", data, place, draw(NUMBERS_OF[kind]))
    content = bytes(data)
    if draw(st.booleans()):
        content = draw(changed_bytes(content, 3))
    suffix = draw(st.sampled_from([".nii.gz", ".nii.gz", ".nii.gz", ".nii"]))
    if suffix == ".nii.gz" and draw(st.integers(0, 9)):
        content = gzip.compress(content, 1)
        if draw(st.integers(0, 3)) == 0:
            content = draw(changed_bytes(content, 2))
    return suffix, content


def check_nifti(given: tuple[str, bytes]) -> bool:
    """Every reader of images, on the same file; what is accepted is what it promises."""
    suffix, content = given
    path = scratch() / f"ct{suffix}"
    path.write_bytes(content)
    usual = Grid(SHAPE, AFFINE, AFFINE)
    if not accepted(lambda: read_grid(path)):
        for read in (read_ct, read_volume):
            assert not accepted(lambda read=read: read(path))
        return False
    own = read_grid(path)
    assert min(own.shape) > 0
    assert all(0.009 < edge < 101 for edge in own.spacing_mm)
    results = []

    def keep(array: np.ndarray) -> None:
        assert array.shape in (own.shape, usual.shape)
        results.append(array)

    accepted(lambda: keep(read_ct(path).array))
    accepted(lambda: keep(read_volume(path).array))
    for like in (own, usual):
        accepted(lambda like=like: keep(read_mask(path, like)))
        accepted(lambda like=like: keep(read_labels(path, like, (1,))))
        accepted(lambda like=like: keep(read_labels(path, like)))
        accepted(lambda like=like: keep(read_probability(path, like)))
    return bool(results)


NIFTI = Target(lambda: nifti_files(nifti_seeds()), check_nifti)
TARGETS = {"reports": REPORTS, "config": CONFIG, "tables": TABLES, "nifti": NIFTI}
