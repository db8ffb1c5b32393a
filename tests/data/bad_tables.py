"""Kinds of bad tables: what is done to the listing of cases, and the one error that says so."""

import io
import shutil
import zipfile
from collections.abc import Callable

from tests.data.bad_site import Site

Change = Callable[[Site], object]


def content(change: Callable[[str], str | bytes], name: str = "cases.csv") -> Change:
    return lambda site: site.write(change(site.text(name)), name)


def cell(**cells: str) -> Change:
    return lambda site: site.cell(**cells)


def folder(name: str) -> Change:
    def damage(site: Site) -> None:
        (site.root / name).unlink()
        (site.root / name).mkdir()

    return damage


def metadata(old: str, new: str) -> Change:
    return content(lambda text: text.replace(old, new), "metadata.csv")


def twice(site: Site) -> None:
    site.rows.append({**site.rows[0], "patient_id": "other"})
    site.listing()


def file_as(name: str, data: bytes) -> Change:
    def damage(site: Site) -> None:
        site.write(data, name)
        site.cell(report="", report_file=name)

    return damage


def report_folder(site: Site) -> None:
    (site.root / "texts").mkdir()
    site.cell(report_file="texts")


def no_case_folder(site: Site) -> None:
    shutil.rmtree(site.root / "A")


def linked_out(site: Site) -> None:
    outside = site.root.parent / "outside"
    outside.mkdir()
    shutil.copy(site.ct, outside / "ct.nii.gz")
    (site.root / "link").symlink_to(outside)
    site.cell(ct="link/ct.nii.gz")


def linked_report(site: Site) -> None:
    (site.root.parent / "secret.txt").write_text("not a report")
    (site.root / "a.txt").symlink_to(site.root.parent / "secret.txt")
    site.cell(report="", report_file="a.txt")


def first_row(text: str) -> str:
    return text.splitlines()[1]


LATIN = "case_id,ct\nKöln,A/ct.nii.gz\n".encode("latin-1")
BAD_ID = "is not usable"
OUT = "leads out of"

# A site's table: cases.csv of source `table`.
TABLES: dict[str, tuple[Change, str]] = {
    "latin-1": (content(lambda text: LATIN), r"cases.csv: not in UTF-8"),
    "UTF-16": (content(lambda text: text.encode("utf-16")), r"cases.csv: not in UTF-8"),
    "semicolons": (content(lambda text: text.replace(",", ";")), r"cases.csv: cells are separated by semico"),
    "tabs": (content(lambda text: text.replace(",", "\t")), r"cases.csv: cells are separated by tabs"),
    "empty table": (content(lambda text: ""), r"cases.csv: not readable as CSV"),
    "header alone": (content(lambda text: text.splitlines()[0] + "\n"), r"cases.csv: no row"),
    "row with a cell too many": (
        content(lambda text: text.replace("B,PB", "B,PB,more")),
        r"cases.csv: not readable as CSV",
    ),
    "first row with a cell too many": (
        content(lambda text: text.replace("A,PA", "A,PA,more")),
        r"cases.csv: not readable as CSV",
    ),
    "row that ends early": (
        content(lambda text: text.replace(first_row(text), "A,PA,mask_train,A/ct.nii.gz")),
        r"cases.csv: row 2 \(A\): 4 cells",
    ),
    "quote that does not end": (content(lambda text: text.replace("A,PA", '"A,PA')), r"cases.csv: "),
    "gzip as CSV": (content(lambda text: b"\x1f\x8b\x08\x00" + bytes(range(256))), r"cases.csv: not "),
    "folder as table": (folder("cases.csv"), r"cases.csv: not readable"),
    "no table": (lambda site: (site.root / "cases.csv").unlink(), r"cases.csv: no such file"),
    "missing column": (content(lambda text: text.replace(",ct,", ",image,")), r"cases.csv: no column ct"),
    "misspelled column": (
        content(lambda text: text.replace("pancreas_tumor", "pancreas_tumour")),
        r"cases.csv: column 'pancreas_tumour': do you mean 'pancreas_tumor'",
    ),
    "column twice": (
        content(lambda text: text.replace("kidneys,", "pancreas,")),
        r"cases.csv: column 'pancreas' stands there more than once",
    ),
    "column in two spellings": (
        content(lambda text: text.replace("kidneys,", "Pancreas,")),
        r"cases.csv: column 'pancreas' stands there more than once",
    ),
    "two dots in an id": (cell(case_id="../A"), BAD_ID),
    "absolute path as id": (cell(case_id="/etc/passwd"), BAD_ID),
    "backslash in an id": (cell(case_id="cts\\A"), BAD_ID),
    "empty id": (cell(case_id=""), BAD_ID),
    "space in an id": (cell(case_id="case A"), BAD_ID),
    "line break in an id": (cell(case_id="A\nB"), BAD_ID),
    "id not in ASCII": (cell(case_id="Müller"), BAD_ID),
    "hidden file as id": (cell(case_id=".A"), BAD_ID),
    "duplicated id": (twice, r"cases.csv: case id 'A' stands there more than once"),
    "no path of a CT": (cell(ct=""), r"cases.csv: case 'A': column 'ct' is blank"),
    "absolute path": (cell(ct="/A/ct.nii.gz"), rf"case 'A': .*{OUT}"),
    "path out of the root": (cell(ct="../A/ct.nii.gz"), rf"case 'A': .*{OUT}"),
    "path through a link out of the root": (linked_out, rf"case 'A': .*{OUT}.* by a link; say follow_links"),
    "report through a link out of the root": (linked_report, rf"case 'A': .*{OUT}.* by a link"),
    "NUL in a path": (
        cell(ct="A/ct.nii.gz\x00.txt"),
        r"cases.csv: .*case 'A': .*(no file can be called so|no such)",
    ),
    "line break in a path": (cell(ct="A/ct\n.nii.gz"), r"case 'A': path .*: no file can be called so"),
    "path of 300 letters": (cell(ct="x" * 300), r"case 'A': path 'x+.*: no file can be called so"),
    "name of a device as id": (cell(case_id="NUL"), BAD_ID),
    "another name of a device": (cell(case_id="com1.nii"), BAD_ID),
    "id of 200 letters": (cell(case_id="a" * 200), BAD_ID),
    "id of a color code": (cell(case_id="\x1b[31mA"), r"case id '\\+x1b\[31mA' is not usable"),
    "cell longer than CSV allows": (cell(report="x" * 140_000), r"cases.csv: not readable as CSV after row"),
    "Windows path": (cell(ct="A\\ct.nii.gz"), r"case 'A': path .*write it with '/'"),
    "Windows drive": (cell(ct="D:/A/ct.nii.gz"), r"case 'A': path .*write it with '/'"),
    "mask out of the root": (cell(pancreas="../p.nii.gz#1"), rf"case 'A': .*{OUT}"),
    "label 0": (cell(kidneys="A/kidneys.nii.gz#0"), r"case 'A': column 'kidneys': .*labels from 1 to 255"),
    "label of letters": (cell(kidneys="A/kidneys.nii.gz#left"), r"case 'A': column 'kidneys'"),
    "both kidneys, and one": (cell(kidney_left="A/kidneys.nii.gz#5"), r"case 'A': 'kidneys' stands beside"),
    "tumors, and those of one organ": (cell(tumors="A/kidneys.nii.gz"), r"case 'A': 'tumors' .* beside"),
    "age in words": (cell(age="sixty"), r"cases.csv: case 'A': column 'age': 'sixty'"),
    "age below 0": (cell(age="-5"), r"cases.csv: case 'A': column 'age': '-5'"),
    "case without a role": (cell(role=""), r"case 'A' has no role"),
    "patient in training and test": (
        cell(patient_id="PT"),
        r"more than one role: CTs own_A \(mask_train\) and own_T",
    ),
    "report file that is not there": (cell(report_file="none.txt"), r"case 'A': .*none.txt: no such file"),
    "report in latin-1": (file_as("a.txt", "Köln".encode("latin-1")), r"case 'A': .*a.txt: not in UTF-8"),
    "folder as report": (report_folder, r"case 'A': .*texts: cannot be read"),
    "report twice": (cell(report="Normal.", report_file="a.txt"), r"case 'A': has both"),
    "report out of the root": (cell(report_file="../a.txt"), rf"case 'A': .*{OUT}"),
}

# The same source with another table: Excel's own files.
LOCK = b"\x05Jane Doe" + b" " * 155


def sheet(cells: str, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    """An Excel file of one row."""
    content, file = f'<worksheet xmlns="{NAMESPACE}"><row>{cells}</row></worksheet>', io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
EXCEL: dict[str, tuple[str, bytes, str]] = {
    "Excel without a sheet": ("cases.xlsx", sheet("", "other.xml"), r"cases.xlsx: not readable as Excel"),
    "Excel of endless columns": (
        "cases.xlsx",
        sheet('<c r="ZZZZZZZ1"><v>1</v></c>'),
        r"cases.xlsx: not readable as Excel file \(a column 'ZZZZZZZ'\)",
    ),
    "Excel with a false reference": (
        "cases.xlsx",
        sheet('<c r="A1" t="s"><v>9</v></c>'),
        r"cases.xlsx: not readable as Excel",
    ),
    "Excel without rows": ("cases.xlsx", sheet("").replace(b"<row></row>", b""), r"cases.xlsx: not readable"),
    "Excel lock file": ("~$cases.xlsx", LOCK, r"cases.xlsx: not readable as Excel file"),
    "CSV named Excel": ("cases.xlsx", b"case_id,ct\nA,A/ct.nii.gz\n", r"cases.xlsx: not readable as Excel"),
    "truncated Excel": (
        "cases.xlsx",
        b"PK\x03\x04" + b"\x00" * 40,
        r"cases.xlsx: not readable as Excel file",
    ),
    "old Excel": ("cases.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 99, r"cases.xls: not"),
}

# metadata.csv and reports.csv of the AbdomenAtlas layout.
METADATA: dict[str, tuple[Change, str]] = {
    "metadata in latin-1": (content(lambda text: LATIN, "metadata.csv"), r"metadata.csv: not .*UTF-8"),
    "metadata with semicolons": (metadata(",", ";"), r"metadata.csv: .*missing"),
    "empty metadata": (content(lambda text: "", "metadata.csv"), r"metadata.csv: the file is empty"),
    "header of metadata alone": (
        content(lambda text: text.splitlines()[0] + "\n", "metadata.csv"),
        r"metadata.csv: the cohort is empty",
    ),
    "metadata with a short row": (metadata("A,PA,mask_train,venous,61,F,S", "A,PA"), r"metadata.csv: row 2"),
    "metadata without a column": (metadata("scanner", "device"), r"metadata.csv: .*'scanner'\] missing"),
    "age in words in metadata": (metadata("venous,61", "venous,old"), r"metadata.csv: row 2, column 'age'"),
    "id twice in metadata": (metadata("\nB,", "\nA,"), r"metadata.csv: case id.*'A'.*more than once"),
    "two dots in an id of metadata": (metadata("\nA,", "\n../A,"), BAD_ID),
    "absolute id in metadata": (metadata("\nA,", "\n/A,"), BAD_ID),
    "empty id in metadata": (metadata("\nA,", "\n,"), BAD_ID),
    "no role in metadata": (metadata("PA,mask_train", "PA,"), r"metadata.csv: no role of case\(s\) \['A'\]"),
    "folder as metadata": (folder("metadata.csv"), r"metadata.csv: not readable"),
    "no metadata": (lambda site: (site.root / "metadata.csv").unlink(), r"metadata.csv: no such file"),
    "no folder of a case": (no_case_folder, r"A/ct.nii.gz: no such file, but metadata.csv names the case"),
    "patient in two roles in metadata": (metadata("A,PA", "A,PT"), r"patients with more than one role"),
    "report without case": (content(lambda text: text + "X,Normal.\n", "reports.csv"), r"reports of own_X"),
    "report of a case twice": (
        content(lambda text: text + "R,Normal.\n", "reports.csv"),
        r"reports.csv: case id.*'R'.*more than once",
    ),
    "reports in latin-1": (content(lambda text: LATIN, "reports.csv"), r"reports.csv: not .*UTF-8"),
    "reports without a column": (
        content(lambda text: text.replace("report\n", "text\n"), "reports.csv"),
        r"reports.csv: .*\['report'\] missing",
    ),
}

# What only looks bad, and is read as it is meant.
HARMLESS: dict[str, Change] = {
    "byte order mark": content(lambda text: "\ufeff" + text),
    "Windows line ends": content(lambda text: text.replace("\n", "\r\n")),
    "headers in capitals": content(lambda text: text.replace("case_id,patient_id", "Case_ID, PATIENT_ID ")),
    "blanks around cells": content(lambda text: text.replace("A,PA", " A , PA ")),
    "unknown age": cell(age=""),
    "quoted cells": content(lambda text: text.replace("A,PA", '"A","PA"')),
}
