import subprocess
import sys

import numpy as np
import pytest

from rsuper.config.experiment import ReportVectors
from rsuper.config.load import parse
from rsuper.data import report_vectors
from rsuper.data.report_vectors import encoded, hugging_face_vectors, read_vectors, write_vectors
from rsuper.errors import ArtifactError, ConfigError, DataError

TEXTS = {
    "a": "A mass in the pancreatic head.",
    "b": "A mass in the left kidney.",
    "c": "Unremarkable pancreas and kidneys.",
    "d": "  \n",
}


def test_a_blank_report_has_no_vector():
    vectors = encoded(TEXTS, ReportVectors(length=8))
    assert list(vectors) == ["a", "b", "c"]
    assert {vector.shape for vector in vectors.values()} == {(2,)}


def test_reports_that_cannot_be_told_apart_are_an_error():
    with pytest.raises(DataError, match="2 of 3 training reports have text, 2 of them different"):
        encoded({"a": "A mass.", "b": "None.", "d": ""}, ReportVectors())
    with pytest.raises(DataError, match="3 of 3 training reports have text, 1 of them different"):
        encoded(dict.fromkeys("abc", "The same words."), ReportVectors())


def test_a_table_comes_back_as_it_was_written(tmp_path):
    vectors = {"a": np.array([0.125, -3e-9], np.float32), "b": np.array([1 / 3, 7.0], np.float32)}
    write_vectors(vectors, tmp_path / "v.csv")
    again = read_vectors(tmp_path / "v.csv")
    assert list(again) == ["a", "b"]
    for case, vector in vectors.items():
        assert again[case].dtype == np.float32
        assert np.array_equal(again[case], vector)


def test_vectors_made_elsewhere_enter_as_a_table(tmp_path):
    rows = "\n".join(f"{case},{value},1" for case, value in zip("abcx", (1, 2, 3, 4), strict=True))
    (tmp_path / "site.csv").write_text(f"case_id,first,second\n{rows}\n")
    settings = ReportVectors(encoder="table", table=str(tmp_path / "site.csv"))
    vectors = encoded({**TEXTS, "e": "No vector for this one."}, settings)
    assert list(vectors) == ["a", "b", "c"]
    assert vectors["b"].tolist() == [2, 1]
    (tmp_path / "site.csv").write_text("case_id,first\na,1\nb,2\n")
    with pytest.raises(DataError, match=r"2 of 4 training reports have a vector \(encoder table\)"):
        encoded(TEXTS, settings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("case_id\na\n", "expected case_id, then numbers"),
        ("case,v0\na,1\n", r"column\(s\) \['case_id'\] missing"),
        ("case_id,v0\na,1\nb,two\n", "row 3, case 'b': a cell is not a finite number"),
        ("case_id,v0\na,1\nb,\n", "row 3, case 'b': a cell is not a finite number"),
        ("case_id,v0\na,inf\n", "row 2, case 'a': a cell is not a finite number"),
        ("case_id,v0,v1\na,1,0\nb,0,0\n", "row 3, case 'b': the vector is zero"),
        ("case_id,v0\na,1\nb,2\na,3\n", "row 4, case 'a': the case stands there more than once"),
    ],
)
def test_a_table_that_is_wrong_names_its_row(tmp_path, content, message):
    (tmp_path / "v.csv").write_text(content)
    with pytest.raises(ArtifactError, match=message):
        read_vectors(tmp_path / "v.csv")


@pytest.mark.parametrize(
    "section",
    [
        {"encoder": "table"},
        {"encoder": "hugging_face"},
        {"encoder": "tfidf", "table": "v.csv"},
        {"encoder": "table", "table": "v.csv", "model": "bert"},
    ],
)
def test_an_encoder_and_its_source_belong_together(section):
    with pytest.raises(ConfigError, match="belongs to encoder"):
        parse(ReportVectors, section, "x.yaml")


def test_without_transformers_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"needs the package transformers: pip install -e '\.\[text\]'"):
        encoded(TEXTS, ReportVectors(encoder="hugging_face", model="bert"))


@pytest.fixture
def tiny_encoder(tmp_path):
    """A BERT with random weights and a vocabulary of the texts' words, as a local folder."""
    report_vectors._hide_broken_torchvision()
    transformers = pytest.importorskip("transformers", reason="the extra 'text' is not installed")
    import torch

    words = sorted({word.strip(".").lower() for text in TEXTS.values() for word in text.split()})
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *words]) + "\n")
    folder = tmp_path / "encoder"
    transformers.BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=12,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def test_a_hugging_face_encoder_from_a_folder(tiny_encoder):
    texts = list(TEXTS.values())[:3]
    for pooling in ("first_token", "mean"):
        vectors = hugging_face_vectors(texts, str(tiny_encoder), pooling)
        assert vectors.shape == (3, 16)
        # Batches are padded: a text's vector does not depend on its neighbors.
        alone = hugging_face_vectors(texts[:1], str(tiny_encoder), pooling)
        assert np.allclose(vectors[0], alone[0], atol=1e-5)
    long = hugging_face_vectors(["mass " * 500], str(tiny_encoder), "mean")
    assert np.isfinite(long).all()
    settings = ReportVectors(encoder="hugging_face", model=str(tiny_encoder))
    assert list(encoded(TEXTS, settings)) == ["a", "b", "c"]


def test_transformers_that_looked_for_torchvision_before():
    """MONAI imports transformers, which remembers that torchvision is there: read in a process of its own."""
    pytest.importorskip("transformers", reason="the extra 'text' is not installed")
    code = """
import transformers
transformers.utils.is_torchvision_available()
from rsuper.data.report_vectors import _hide_broken_torchvision
_hide_broken_torchvision()
print(transformers.BertModel.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "BertModel\n", done.stderr


def test_an_encoder_that_is_not_there(tmp_path):
    pytest.importorskip("transformers", reason="the extra 'text' is not installed")
    with pytest.raises(ConfigError, match=r"report_vectors\.model '.*nothing' cannot be loaded"):
        hugging_face_vectors(["a"], str(tmp_path / "nothing"), "mean")
