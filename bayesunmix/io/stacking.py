"""Put the blocks of an image together, one after the other or one upon the other, in little memory."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

_GROWTH = 1.1  # a larger step would waste memory, a smaller one time


def stacked(blocks: Iterable[sparse.csr_array], n_channels: int) -> sparse.csr_array:
    """Stack (pixels, C) blocks of unsigned or whole counts that come one after the other, (P, C).

    Each block is let go once it is copied to the end of arrays that grow in place, so that the memory needed is that
    of the result and of one block.
    """
    values, channels = np.empty(0, np.uint8), np.empty(0, np.int32)
    ends, filled = [np.zeros(1, np.int64)], 0
    for block in blocks:
        block.eliminate_zeros()
        block.sort_indices()
        last = filled + block.nnz
        if block.nnz:
            kind = np.min_scalar_type(int(block.data.max()))
            if kind.itemsize > values.itemsize:
                values = values.astype(kind)
        if last > values.size:
            room = max(last, int(_GROWTH * values.size))
            values.resize(room, refcheck=False)
            channels.resize(room, refcheck=False)
        values[filled:last], channels[filled:last] = block.data, block.indices
        ends.append(filled + block.indptr[1:].astype(np.int64))
        filled = last
    values.resize(filled, refcheck=False)
    channels.resize(filled, refcheck=False)
    pixels = np.concatenate(ends)
    if filled <= np.iinfo(np.int32).max:
        pixels = pixels.astype(np.int32)
    return sparse.csr_array((values, channels, pixels), shape=(pixels.size - 1, n_channels))


def added(blocks: Iterable[sparse.csr_array]) -> sparse.csr_array:
    """Add up (P, C) blocks of counts, which come one after the other, in an order that takes little time."""
    sums: list[sparse.csr_array] = []
    for block in blocks:
        sums.append(_with_room(block))
        # Like with like, so that a long recording is not added to itself again and again.
        while len(sums) > 1 and sums[-2].nnz <= 2 * sums[-1].nnz:
            sums[-2:] = [_with_room(sums[-2] + sums[-1])]
    while len(sums) > 1:
        sums[-2:] = [_with_room(sums[-2] + sums[-1])]
    return sums[0]


def _with_room(counts: sparse.csr_array) -> sparse.csr_array:
    """Store counts in the smallest unsigned integers that hold twice the largest: so two can be added."""
    kind = np.min_scalar_type(2 * int(counts.data.max(initial=0)))
    counts.data = counts.data.astype(kind, copy=False)
    return counts


def cuts(ends: np.ndarray, entries: int = 2**22) -> list[int]:
    """Return where to cut pixels into runs of about so many entries, and of one pixel at least.

    Parameters
    ----------
    ends : (P + 1,) array of int
        Where the entries of each pixel begin, and where the last end.
    entries : int
    """
    inner = np.searchsorted(ends, np.arange(ends[0], ends[-1], entries)).tolist()
    return sorted({0, *inner, len(ends) - 1})
