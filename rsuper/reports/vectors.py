"""Vectors of report texts without any pre-trained weights: weighted words and word pairs, their main axes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_SEED = 0  # of the randomized decomposition; it moves nothing that matters


def tfidf_vectors(texts: Sequence[str], length: int) -> Float[np.ndarray, "n e"]:
    """Describe each text by TF-IDF of words and pairs of words, reduced by truncated SVD and centered.

    Everything is fitted on the texts given. What all texts share has no part in a vector, and neither has
    the length of a text; a text without a word has the vector of zeros before centering.

    Args:
        texts: of the reports that may be trained on, and no others.
        length: of the vectors; at most one less than there are texts or different words.

    Returns:
        One row per text, in float32. Rows have no fixed length: they are directions.

    Raises:
        ValueError: fewer than three texts, all of them the same, a length below 1, or no word in any text.

    Source: Table 1, CLIP-like; the paper's encoder is a pre-trained one, this stands in where there is none.
    """
    # Here, because it takes a second that every job which only reads vectors would pay.
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < 3 or length < 1:
        raise ValueError(f"three texts and a length of 1 are the least, got {len(texts)} and {length}")
    if len(set(texts)) < 2:
        raise ValueError("the texts are all the same: nothing tells them apart")
    # Numbers with their decimals are words: "2.3 cm" tells more than "2" and "3".
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\d+(?:\.\d+)?|\w+")
    try:
        weighted = words.fit_transform(texts)
    except ValueError:
        raise ValueError("no text has a word") from None
    axes = min(length, len(texts) - 1, weighted.shape[1] - 1)
    if axes < 1:
        raise ValueError("the texts have one word in all: nothing tells them apart")
    reduced = TruncatedSVD(axes, random_state=_SEED).fit_transform(weighted)
    vectors: np.ndarray = (reduced - reduced.mean(axis=0)).astype(np.float32)
    return vectors
