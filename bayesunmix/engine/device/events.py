r"""Lay photon events out for the device, and assign them to components: the kernels that all count-based methods share.

A photon of pixel p and channel c belongs to component k with probability
:math:`r_{pck} = a_{pk} e_{kc} / \sum_j a_{pj} e_{jc}`. Methods differ in what they do with it: `expected_allocation`
returns :math:`\sum_c x_{pc} r_{pck}` (EM, that is KL-NMF [1]_, and mean-field variational Bayes [2]_), and
`draw_allocation` draws the component of each photon (Gibbs sampling [2]_).

Layout: entries are grouped by row (a pixel, or a channel), and rows are cut into chunks of a fixed width. Chunks lie
along the vector lanes: a scan over the `width` slots reads one entry of every chunk at once. Sums over a row stay in
registers until its chunks are added up, so nothing is scattered per entry, and float32 sums stay short. Arrays are
component-major, (K, rows), because K gathers from short contiguous tables are faster than one gather of K-vectors.
Sizes are padded to a coarse grid, so that images of similar size share compiled code.

References
----------
.. [1] D. Lee and H. Seung, "Algorithms for non-negative matrix factorization", NIPS 13 (2001).
.. [2] A. T. Cemgil, "Bayesian inference for nonnegative matrix factorisation models", Comput. Intell.
   Neurosci. 785152 (2009).
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import sparse

from bayesunmix.data.image import SpectrumImage, trusted_image

GROUP_ENTRIES = 2**22
FEW_ENTRIES = 4096  # entries
MOST_AT_ONCE = 2**22  # photons whose random numbers are held at a time, about
LEAST_RATE = 1e-30  # keeps a quotient finite where a whole spectrum underflows


class Chunks(NamedTuple):
    """Hold entries in chunks of one row each.

    Attributes
    ----------
    index : (width, n) int32 array
        Column of each entry.
    weight : (width, n) float32 array
        Count of each entry, 0 in the padding.
    row : (n,) int32 array
        Row of each chunk, increasing.
    """

    index: Any
    weight: Any
    row: Any


class Occupied(NamedTuple):
    """Hold the pixels of an image that have counts.

    Attributes
    ----------
    counts : (occupied pixels, C) csr_array
    pixels : (occupied pixels,) int array
        Number of each pixel in the image.
    padded : int
        Number of pixels after padding.
    """

    counts: sparse.csr_array
    pixels: np.ndarray
    padded: int

    def line(self, image: SpectrumImage) -> SpectrumImage:
        """Make an image of these pixels in one line; the padding is masked."""
        counts = self.counts.copy()
        counts.resize(self.padded, counts.shape[1])
        takes_part = np.arange(self.padded) < self.pixels.size
        return trusted_image(counts, image.spectral_axis, mask=takes_part)

    def along_line(self, maps: np.ndarray) -> np.ndarray:
        """Reorder (K, P) maps of all pixels into maps of the line, (K, padded)."""
        return np.pad(maps[:, self.pixels], ((0, 0), (0, self.padded - self.pixels.size)))

    def restore(self, maps: np.ndarray, n_pixels: int, empty: float = 0.0) -> np.ndarray:
        """Spread (..., K, padded) values over all pixels, (..., P, K); pixels without counts get the value `empty`."""
        full = np.full((*maps.shape[:-2], n_pixels, maps.shape[-2]), empty, dtype=maps.dtype)
        full[..., self.pixels, :] = np.swapaxes(maps[..., : self.pixels.size], -1, -2)
        return full


def occupied(image: SpectrumImage) -> Occupied:
    """Select the pixels that have counts. Empty pixels carry no event and are often most of an image."""
    pixels = np.flatnonzero(np.diff(image.counts.indptr))
    return Occupied(image.counts[pixels], pixels, padded_size(pixels.size))


def padded_size(n: int) -> int:
    """Round up to one of few sizes: a power of two from 256 to 1024, then 4, 5, 6 or 7 times a power of two."""
    if n <= 1024:
        return max(1 << (n - 1).bit_length(), 256)
    step = 2 ** ((n - 1).bit_length() - 3)
    return -(-n // step) * step


def chunks(counts: sparse.csr_array, width: int | None = None) -> Chunks:
    """Lay a (rows, columns) matrix out by rows. To have channels as rows, pass the transpose in CSR form."""
    return _cut(counts.indptr, counts.indices, counts.data, width)


def photon_chunks(counts: sparse.csr_array, whole: sparse.csr_array | None = None) -> Chunks:
    """Lay out single photons: an entry of n counts becomes n entries of weight 1.

    Arrays are as large as those of `whole`, or larger if need be, so that images of similar size share compiled code.
    """
    length = np.diff(_photons_before(counts if whole is None else whole))
    width = _width(length)
    n_chunks = int((-(-length // width)).sum())
    return _cut(_photons_before(counts), np.repeat(counts.indices, counts.data), None, width, n_chunks)


def _photons_before(counts: sparse.csr_array) -> np.ndarray:
    """Return how many photons come before each row, and how many there are, (rows + 1,)."""
    return np.concatenate([[0], np.cumsum(counts.sum(axis=1, dtype=np.int64))])


def stack(counts: list[sparse.csr_array]) -> Chunks:
    """Lay out several matrices in chunks of the same width and number, with a leading axis over the matrices."""
    width = _width(np.concatenate([np.diff(part.indptr) for part in counts]))
    parts = [chunks(part, width) for part in counts]
    n = max(part.row.size for part in parts)

    def padded(array: np.ndarray) -> np.ndarray:
        extra = [(0, 0)] * (array.ndim - 1) + [(0, n - array.shape[-1])]
        return np.pad(array, extra, mode="edge" if array.ndim == 1 else "constant")

    if len(parts) == 1:
        return Chunks(*(array[None] for array in parts[0]))
    return Chunks(*(np.stack([padded(array) for array in arrays]) for arrays in zip(*parts, strict=True)))


def _cut(
    indptr: np.ndarray, indices: np.ndarray, weights: np.ndarray | None, width: int | None, n_chunks: int = 0
) -> Chunks:
    """Cut rows into chunks, at least `n_chunks` with the padding."""
    length = np.diff(indptr)
    width = width or _width(length)
    per_row = -(-length // width)
    first_chunk = np.concatenate([[0], np.cumsum(per_row)])
    n = padded_size(max(int(first_chunk[-1]), n_chunks))
    index, weight = np.zeros((width, n), np.int32), np.zeros((width, n), np.float32)
    # Row by row in groups, so that the bookkeeping of a large image does not outgrow its counts.
    for group in _groups(indptr):
        entries = slice(int(indptr[group.start]), int(indptr[group.stop]))
        position = np.arange(entries.start, entries.stop) - np.repeat(indptr[:-1][group], length[group])
        chunk, slot = np.divmod(position, width)
        where = (slot, chunk + np.repeat(first_chunk[:-1][group], length[group]))
        index[where] = indices[entries]
        weight[where] = 1 if weights is None else weights[entries]
    row = np.full(n, max(length.size - 1, 0), np.int32)
    row[: first_chunk[-1]] = np.repeat(np.arange(length.size), per_row)
    return Chunks(index, weight, row)


def _groups(indptr: np.ndarray) -> Iterator[slice]:
    """Cut the rows into groups of about `GROUP_ENTRIES` entries each."""
    cuts = np.searchsorted(indptr, np.arange(GROUP_ENTRIES, int(indptr[-1]), GROUP_ENTRIES))
    edges = np.unique([0, *cuts, len(indptr) - 1])
    yield from (slice(int(a), int(b)) for a, b in itertools.pairwise(edges))


def _width(length: np.ndarray) -> int:
    """Choose the width of a chunk: about half the mean length of the non-empty rows, a power of two from 4 to 512.

    That gives little padding and long lanes. Small images get one width, so that they share compiled code.
    """
    if length.sum() < FEW_ENTRIES:
        return 8
    mean = length.sum() / max(np.count_nonzero(length), 1)
    return int(2 ** np.clip(np.round(np.log2(max(mean, 1) / 2)), 2, 9))


def expected_allocation(entries: Chunks, rows: Array, table: Array) -> Array:
    r"""Share the counts of each row among the components, in expectation.

    Parameters
    ----------
    entries : Chunks
        Counts of R rows and J columns.
    rows : (K, R) array
        Weights of each component in each row: abundances, when rows are pixels.
    table : (K, J) array
        Weights in each column: endmembers, when rows are pixels.

    Returns
    -------
    (K, R) array
        :math:`\sum_j x_{rj} w_{kr} t_{kj} / \sum_l w_{lr} t_{lj}`. The sum over k is the counts of the row.
    """
    lanes = [component[entries.row] for component in rows]

    def slot(sums: list[Array], entry: tuple[Array, Array]) -> tuple[list[Array], None]:
        index, weight = entry
        columns = [component[index] for component in table]
        quotient = weight / jnp.maximum(_mixture(lanes, columns), LEAST_RATE)
        return [s + c * quotient for s, c in zip(sums, columns, strict=True)], None

    sums, _ = jax.lax.scan(slot, [jnp.zeros_like(lane) for lane in lanes], (entries.index, entries.weight))
    return _add_chunks(entries, jnp.stack(sums), rows.shape[1]) * rows


def log_likelihood_parts(entries: Chunks, rows: Array, table: Array) -> Array:
    r"""Return the parts of :math:`\sum x \log (A E)` by chunk, (n,). Add them up in float64 where digits matter."""
    lanes = [component[entries.row] for component in rows]

    def slot(total: Array, entry: tuple[Array, Array]) -> tuple[Array, None]:
        index, weight = entry
        rate = _mixture(lanes, [component[index] for component in table])
        return total + jnp.where(weight > 0, weight * jnp.log(jnp.maximum(rate, LEAST_RATE)), 0), None

    return jax.lax.scan(slot, jnp.zeros_like(lanes[0]), (entries.index, entries.weight))[0]


def weighted_sums(entries: Chunks, table: Array, n_rows: int) -> Array:
    """Multiply the sparse counts with `table` (K, J): for each row, the sum of count times table, (K, n_rows)."""

    def slot(sums: list[Array], entry: tuple[Array, Array]) -> tuple[list[Array], None]:
        index, weight = entry
        return [s + weight * component[index] for s, component in zip(sums, table, strict=True)], None

    start = [jnp.zeros(entries.row.shape, table.dtype) for _ in table]
    sums, _ = jax.lax.scan(slot, start, (entries.index, entries.weight))
    return _add_chunks(entries, jnp.stack(sums), n_rows)


def draw_allocation(photons: Chunks, rows: Array, table: Array, key: Array) -> tuple[Array, Array, Array]:
    """Draw the component of each photon.

    Parameters
    ----------
    photons : Chunks
        Single photons, from `photon_chunks`.
    rows, table : (K, R), (K, J) arrays
        As in `expected_allocation`.
    key : JAX key

    Returns
    -------
    by_row : (K, R) float32 array
        Photons of each component in each row; whole numbers.
    by_column : (K, J) int32 array
        Photons of each component in each column.
    log_likelihood : float32 scalar
        Sum over photons of the logarithm of the mixture they were drawn from.
    """
    lanes = [component[photons.row] for component in rows]
    n_components, n_columns = table.shape

    def slot(state: tuple, entry: tuple) -> tuple[tuple, None]:
        sums, by_column, log_likelihood = state
        index, weight, uniform = entry
        shares = [lane * component[index] for lane, component in zip(lanes, table, strict=True)]
        rate = _mixture(lanes, [component[index] for component in table])
        threshold = uniform * rate
        # The component is the number of partial sums that lie at or below the threshold.
        partial, component_of = jnp.zeros_like(rate), jnp.zeros(rate.shape, jnp.int32)
        for share in shares[:-1]:
            partial = partial + share
            component_of += (threshold >= partial).astype(jnp.int32)
        real = weight > 0
        sums = [s + (real & (component_of == k)) for k, s in enumerate(sums)]
        by_column = by_column.at[component_of * n_columns + index].add(real.astype(jnp.int32))
        log_likelihood += jnp.where(real, jnp.log(jnp.maximum(rate, LEAST_RATE)), 0)
        return (sums, by_column, log_likelihood), None

    zeros = jnp.zeros_like(lanes[0])
    start = ([zeros] * n_components, jnp.zeros(n_components * n_columns, jnp.int32), zeros)

    def slots(state: tuple, entries: tuple) -> tuple[tuple, None]:
        index, weight, key = entries
        # One large draw runs on all cores, which a draw per slot does not; it holds 4 bytes a photon.
        return jax.lax.scan(slot, state, (index, weight, jax.random.uniform(key, index.shape)))

    width, n = photons.index.shape
    n_groups = math.gcd(width, 1 << max(photons.index.size // MOST_AT_ONCE, 1).bit_length() - 1)
    grouped = [part.reshape(n_groups, width // n_groups, n) for part in (photons.index, photons.weight)]
    keys = jax.random.split(key, n_groups) if n_groups > 1 else key[None]
    (sums, by_column, log_likelihood), _ = jax.lax.scan(slots, start, (*grouped, keys))
    by_row = _add_chunks(photons, jnp.stack(sums), rows.shape[1])
    return by_row, by_column.reshape(n_components, n_columns), log_likelihood.sum()


def _mixture(lanes: list[Array], columns: list[Array]) -> Array:
    return sum((lane * column for lane, column in zip(lanes, columns, strict=True)), jnp.zeros_like(lanes[0]))


def _add_chunks(entries: Chunks, values: Array, n_rows: int) -> Array:
    """Sum the (K, n) values over the chunks of each row, (K, n_rows)."""

    def add(component: Array) -> Array:
        return jax.ops.segment_sum(component, entries.row, n_rows, indices_are_sorted=True)

    return jnp.stack([add(component) for component in values])
