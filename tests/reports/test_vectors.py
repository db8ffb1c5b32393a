import numpy as np
import pytest

from rsuper.reports.vectors import tfidf_vectors

TEXTS = [
    "There is a 2.3 cm mass in the pancreatic head. The kidneys are unremarkable.",
    "There is a 4.1 cm mass in the left kidney. The pancreas is unremarkable.",
    "There is a 2.1 cm mass in the pancreatic head. The kidneys are unremarkable.",
    "There is a 3.9 cm mass in the left kidney. The pancreas is unremarkable.",
    "The pancreas and the kidneys are unremarkable.",
]


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_reports_of_the_same_finding_lie_together():
    vectors = tfidf_vectors(TEXTS, 4)
    assert vectors.shape == (5, 4)
    assert vectors.dtype == np.float32
    assert cosine(vectors[0], vectors[2]) > 0.3 > 0 > cosine(vectors[0], vectors[1])
    assert cosine(vectors[1], vectors[3]) > 0.3


def test_what_all_texts_share_has_no_part():
    assert np.allclose(tfidf_vectors(TEXTS, 3).mean(axis=0), 0, atol=1e-6)
    common = tfidf_vectors([f"Abdomen and pelvis, venous phase. {text}" for text in TEXTS], 4)
    assert cosine(common[0], common[1]) < 0


def test_the_same_texts_give_the_same_vectors_whatever_else_was_drawn():
    first = tfidf_vectors(TEXTS, 3)
    np.random.default_rng(5).random(3)
    assert np.array_equal(first, tfidf_vectors(TEXTS, 3))


@pytest.mark.parametrize(
    ("texts", "length", "got"), [(TEXTS, 100, 4), (TEXTS, 2, 2), (["a", "b", "c c"], 64, 2)]
)
def test_a_vector_is_no_longer_than_the_texts_allow(texts, length, got):
    assert tfidf_vectors(texts, length).shape == (len(texts), got)


def test_numbers_are_words():
    one, other, third = tfidf_vectors(["a mass of 2.3 cm", "a mass of 5.3 cm", "a mass of 2.3 cm"], 2)
    assert np.allclose(one, third, atol=1e-6)
    assert not np.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize(
    ("texts", "length", "message"),
    [
        (TEXTS[:2], 4, "three texts"),
        (TEXTS, 0, "length of 1"),
        (["", " ", "..."], 4, "no text has a word"),
        (["a mass", "a mass", "a mass"], 4, "all the same: nothing tells them apart"),
        (["mass", "", "mass"], 4, "one word in all: nothing tells them apart"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(texts, length, message):
    with pytest.raises(ValueError, match=message):
        tfidf_vectors(texts, length)
