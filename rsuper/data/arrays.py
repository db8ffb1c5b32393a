"""Arrays on disk in compressed chunks; what was damaged since it was written is refused, not read.

blosc2 keeps no checksums: a flipped bit would give other voxels, or end the process. Each chunk's is kept in
the file and compared when the chunk is first read; that of all around the chunks is kept by whoever knows the
array (the index of a store), and compared before blosc2 opens the file.
"""

import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import blosc2
import numpy as np
from jaxtyping import Shaped

from rsuper.errors import ArtifactError

# A chunk is read, a block decompressed: patches meet few chunks, and little is decompressed beside them.
CHUNK, BLOCK = 64, 32
_SUMS = "crc32"
# Bytes of the file, where its chunks begin and end, CRC-32 of all around them.
Ends = tuple[int, int, int, int]


def write_array(path: Path, array: Shaped[np.ndarray, "x y z"]) -> Ends:
    """Write an array and the checksums of its chunks.

    Returns:
        What `CheckedArray` compares.
    """
    path.unlink(missing_ok=True)
    written = blosc2.asarray(
        np.ascontiguousarray(array),
        urlpath=str(path),
        mode="w",
        chunks=tuple(min(CHUNK, n) for n in array.shape),
        blocks=tuple(min(BLOCK, n) for n in array.shape),
        # A third larger than the best codec makes a CT, and read in half the time (benchmarks/data.py).
        cparams=blosc2.CParams(codec=blosc2.Codec.LZ4HC, clevel=5, nthreads=1),
    )
    chunks = [written.schunk.get_chunk(number) for number in range(written.schunk.nchunks)]
    written.schunk.vlmeta[_SUMS] = np.array([zlib.crc32(chunk) for chunk in chunks], dtype="<u4").tobytes()
    content = path.read_bytes()
    first = last = int.from_bytes(content[11:15], "big")  # length of the header, in blosc2's frame format
    for chunk in chunks:  # one of a single value takes no room: where the others lie stands for it
        last += len(chunk) if content.startswith(chunk, last) else 0
    return len(content), first, last, zlib.crc32(content[last:], zlib.crc32(content[:first]))


@dataclass(frozen=True)
class CheckedArray:
    """An array on disk, opened on first use and read by box.

    Raises, when it is opened or read:
        ArtifactError: the file is missing, or not as it was written.
    """

    path: Path
    ends: Ends | None = None  # None: written by an earlier version, not checked

    def __getitem__(self, box: tuple[slice, ...]) -> Shaped[np.ndarray, "x y z"]:
        if self.ends is not None:
            self._check(box)
        try:
            inside: Shaped[np.ndarray, "x y z"] = self.opened[box]
        except RuntimeError as error:
            raise ArtifactError(damaged(self.path, str(error))) from None
        return inside

    @cached_property
    def opened(self) -> blosc2.NDArray:
        """The array as blosc2 has it."""
        if not self.path.is_file():
            raise ArtifactError(damaged(self.path, "no such array in the store"))
        if self.ends is not None and not self._has_its_ends(self.ends):
            raise ArtifactError(damaged(self.path))
        # While a process holds an array that it read by two threads, a process forked from it (such as a
        # loader's worker) waits for ever when it reads any array. And one thread reads a patch in half the
        # time of two.
        dparams = blosc2.DParams(nthreads=1)
        try:
            return blosc2.open(str(self.path), mode="r", mmap_mode="r", dparams=dparams)
        except (RuntimeError, OSError) as error:
            raise ArtifactError(damaged(self.path, str(error))) from None

    def _has_its_ends(self, ends: Ends) -> bool:
        size, first, last, crc = ends
        if self.path.stat().st_size != size:
            return False
        with self.path.open("rb") as file:
            head = file.read(first)
            file.seek(last)
            return zlib.crc32(file.read(), zlib.crc32(head)) == crc

    @cached_property
    def _sums(self) -> list[int]:
        sums: list[int] = np.frombuffer(self.opened.schunk.vlmeta[_SUMS], dtype="<u4").tolist()
        return sums

    @cached_property
    def _whole(self) -> set[int]:
        return set()  # chunks that were found to be as they were written

    def _check(self, box: tuple[slice, ...]) -> None:
        """Compare the checksums of the chunks that a box meets, each once."""
        array = self.opened
        spans, grid = [], []
        for part, length, edge in zip(box, array.shape, array.chunks, strict=True):
            start, stop, _ = part.indices(length)
            spans.append(range(start // edge, math.ceil(stop / edge)))
            grid.append(math.ceil(length / edge))
        for place in product(*spans):
            number = int(np.ravel_multi_index(place, grid))
            if number in self._whole:
                continue
            if zlib.crc32(array.schunk.get_chunk(number)) != self._sums[number]:
                raise ArtifactError(damaged(self.path))
            self._whole.add(number)


def damaged(path: Path, how: str = "not as it was written: its checksum is another") -> str:
    """Say that an array of a store is damaged, and how to have this case, and no other, stored anew."""
    store = path.parent.parent
    made_of = f"{path} {store / 'volumes.csv'} {store / 'shards'}/*.jsonl"
    return f"{path}: {how}; to have it made anew, run again after: rm -f {made_of}"
