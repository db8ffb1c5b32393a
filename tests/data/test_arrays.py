"""Whatever happens to a stored array's file, nobody is given voxels that were not written."""

import numpy as np
import pytest

from rsuper.data.arrays import CheckedArray, write_array
from rsuper.errors import ArtifactError

LARGE = (130, 70, 66)  # 3 x 2 x 2 chunks
WHOLE = (slice(None),) * 3


def scene(kind, shape):
    """Noise, zeros alone (blosc2 stores no chunk then), or half of each."""
    array = np.random.default_rng(0).integers(-200, 300, shape).astype(np.int16)
    if kind == "empty":
        array[:] = 0
    if kind == "half":
        array[: shape[0] // 2 + 8] = 0
    return array


@pytest.mark.parametrize("kind", ["noise", "empty", "half"])
@pytest.mark.parametrize("shape", [LARGE, (5, 4, 3)])
def test_what_was_written_is_read(tmp_path, kind, shape):
    array = scene(kind, shape)
    ends = write_array(tmp_path / "a.b2nd", array)
    found = CheckedArray(tmp_path / "a.b2nd", ends)
    np.testing.assert_array_equal(found[WHOLE], array)
    box = slice(2, 5), slice(1, 4), slice(0, 2)
    np.testing.assert_array_equal(CheckedArray(tmp_path / "a.b2nd", ends)[box], array[box])


@pytest.mark.parametrize("kind", ["noise", "empty", "half"])
def test_no_flipped_byte_and_no_cut_is_read_over(tmp_path, kind):
    path, array = tmp_path / "volumes" / "a.b2nd", scene(kind, LARGE)
    path.parent.mkdir()
    ends = write_array(path, array)
    content = path.read_bytes()
    size, first, last, _ = ends
    assert (size, last > first) == (len(content), kind != "empty")
    chance = np.random.default_rng(1)
    edges = [0, 1, 11, 14, first - 1, first, last - 1, last, size - 1]
    for place in {*edges, *chance.integers(0, size, 40).tolist()}:
        damaged = bytearray(content)
        damaged[min(place, size - 1)] ^= 1 << int(chance.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(
            ArtifactError, match=r"a\.b2nd: not as it was written.*run again after: rm -f .*a\.b2nd"
        ):
            CheckedArray(path, ends)[WHOLE]
    for length in (0, 100, first, size // 2, size - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match="not as it was written"):
            CheckedArray(path, ends)[WHOLE]
    path.unlink()
    with pytest.raises(ArtifactError, match=r"no such array.*volumes\.csv .*shards/\*\.jsonl"):
        CheckedArray(path, ends)[WHOLE]


def test_a_chunk_is_checked_when_it_is_met(tmp_path):
    path, array = tmp_path / "a.b2nd", scene("noise", LARGE)
    ends = write_array(path, array)
    content = bytearray(path.read_bytes())
    content[ends[2] - 5] ^= 1  # in the last chunk
    path.write_bytes(content)
    found = CheckedArray(path, ends)
    near = slice(0, 64), slice(0, 64), slice(0, 64)
    np.testing.assert_array_equal(found[near], array[near])
    with pytest.raises(ArtifactError, match="not as it was written"):
        found[slice(129, 130), slice(65, 70), slice(65, 66)]


def test_an_array_of_an_earlier_version_is_read_unchecked(tmp_path):
    array = scene("noise", LARGE)
    write_array(tmp_path / "a.b2nd", array)
    np.testing.assert_array_equal(CheckedArray(tmp_path / "a.b2nd")[WHOLE], array)
