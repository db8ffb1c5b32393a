"""Training and test of config/public.yaml share no source: on small trees, and on the published tables."""

import shutil
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.data.public_lists import main, panorama_cases, pants_cases, write_lists
from rsuper.data.sources.raw_case import origin_of
from rsuper.data.sources.registry import read_cases
from rsuper.errors import DataError

PUBLIC = Path(__file__).parents[2] / "config" / "public.yaml"
SITES = [
    ("PanTS_00000001", "University Hospital Basel (10 Sites: A; B)", "CH"),
    ("PanTS_00000002", "Memorial Sloan Kettering Cancer Center", "US"),  # MSD: PANORAMA's is not tested on
    ("PanTS_00000003", "National Institutes of Health", "US"),
    ("PanTS_00000004", "Technical University of Munich; Radboud University Medical Center", "DE"),
    ("PanTS_00000005", "Some Hospital; another", "DE; NL; CA"),
    ("PanTS_00000006", "NA", "NA"),
    ("PanTS_00000007", "", "US"),
    ("PanTS_00000008", "The Cancer Imaging Archive", "US"),
    ("PanTS_00009001", "University Hospital Basel (10 Sites: A; B)", "CH"),  # PanTS' own test
]
SCANS = [
    ("100000_00001", "100000", "PDAC", "pathology"),
    ("100000_00002", "100000", "PDAC", "histopathology"),
    ("100001_00001", "100001", "PDAC", "MSD_dataset"),
    ("100002_00001", "100002", "PDAC", "cytology"),  # not drawn by hand
    ("100003_00001", "100003", "non-PDAC", "NIH_dataset"),
    ("100004_00001", "100004", "non-PDAC", "MSD_dataset"),
    ("100005_00001", "100005", "non-PDAC", "radiology"),  # may have another tumor
]
USED = {
    "pants": {"pants_PanTS_00000001", "pants_PanTS_00000002"},
    "panorama_pdac": {"panorama_pdac_100000_00001", "panorama_pdac_100000_00002"},
    "panorama_normal": {"panorama_normal_100003_00001"},
}


def write_excel(path, rows):
    """Write a sheet of texts."""
    lines = ["".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in row) for row in rows]
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    data = "".join(f"<row>{line}</row>" for line in lines)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{name}"><sheetData>{data}</sheetData></worksheet>',
        )


@pytest.fixture
def downloads(tmp_path):
    """Folders as they are after the downloads, with empty files in the place of images."""
    pants, panorama, labels = (tmp_path / "data" / n for n in ("PanTS", "panorama", "panorama_labels"))
    files = [
        pants / f"Image{'Te' if case > 'PanTS_00009' else 'Tr'}" / case / "ct.nii.gz" for case, *_ in SITES
    ]
    files += [
        Path(str(file.parent).replace("Image", "Label")) / "segmentations/pancreas.nii.gz" for file in files
    ]
    for scan, _, label, level in SCANS:
        files.append(panorama / "images" / f"{scan}_0000.nii.gz")
        drawn = label == "PDAC" and level != "cytology"
        files.append(labels / f"{'manual' if drawn else 'automatic'}_labels" / f"{scan}.nii.gz")
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    write_excel(pants / "metadata.xlsx", [("PanTS ID", "site detail", "site nationality"), *SITES])
    header = ("PANORAMA_study_id", "PANORAMA_patient_id", "label", "level")
    write_excel(labels / "clinical_information.xlsx", [header, *SCANS])
    return pants, panorama, labels


def test_the_experiment_uses_the_listed_cases(downloads, tmp_path, monkeypatch):
    counts = write_lists(*downloads)
    assert list(counts.values()) == [2, 2, 1]
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(PUBLIC)
    for dataset, expected in USED.items():
        cases = read_cases(origin_of(dataset, experiment.datasets[dataset], Layout.of("public")))
        assert {case.case_id for case in cases} == expected
        assert {case.role for case in cases} == {"mask_train" if dataset == "pants" else "test_external"}
        assert {case.reason for case in cases} == {""}
        if dataset != "pants":
            assert {case.patient_id for case in cases} == {f"{dataset}_{id[-12:-6]}" for id in expected}
            assert all("pancreas" in case.tumors and "kidney" not in case.tumors for case in cases)


def test_the_command_line(downloads, capsys):
    main([str(folder) for folder in downloads])
    assert capsys.readouterr().out.splitlines()[2].endswith("normal.csv: 1 cases")
    shutil.rmtree(downloads[2] / "manual_labels")
    with pytest.raises(SystemExit):
        main([str(folder) for folder in downloads])
    assert "manual_labels: no case is left" in capsys.readouterr().err


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no metadata\.xlsx"):
        pants_cases(tmp_path)
    with pytest.raises(DataError, match=r"clinical_information\.xlsx: no such file"):
        panorama_cases(tmp_path)


@pytest.mark.real
def test_the_published_tables(real, tmp_path):
    shutil.copy(real / "metadata" / "metadata_pants.csv", tmp_path)
    trained = pants_cases(tmp_path)
    sites = (
        pd.read_csv(tmp_path / "metadata_pants.csv", encoding="utf-8-sig").set_index("BDMAP ID").loc[trained]
    )
    # Numbers of config/public.yaml's header.
    assert len(trained) == 7_786
    assert (sites["number of pancreatic lesion instances"] > 0).sum() == 786
    assert not sites["site detail"].str.contains("Radboud|National Institutes of Health").any()
    assert set(sites["site nationality"].str.split("; ").explode()) == {
        *("BR", "CA", "CH", "CN", "DE", "FR", "PL", "TR", "UK", "US")
    }
    shutil.copy(real / "panorama_2mm" / "clinical_information.xlsx", tmp_path)
    shutil.copytree(real / "panorama_raw" / "manual_labels", tmp_path / "manual_labels")
    pdac, normal = panorama_cases(tmp_path)
    assert (len(pdac), len(normal)) == (2, 80)
