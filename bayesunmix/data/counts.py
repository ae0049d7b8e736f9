"""Turn counts, dense or sparse and of any number type, into what a spectrum image stores."""

import math
from typing import Any

import numpy as np
from scipy import sparse

# The widest type of each kind of number that counts may come as: bool, unsigned, signed, float.
_WIDEST = {"b": np.uint64, "u": np.uint64, "i": np.int64, "f": np.float64}


def flattened(counts: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """Return 2-D counts, (P, C), and the full shape: navigation axes, then channels.

    Raises
    ------
    ValueError
        If there is no pixel or channel, or the shape does not fit.
    """
    is_sparse = sparse.issparse(counts)
    if is_sparse and counts.ndim != 2:
        raise ValueError(
            f"sparse counts must be 2-D (pixels, channels), got {counts.ndim}-D; "
            "give the navigation axes in shape"
        )
    if not is_sparse:
        counts = np.asarray(counts)
        if counts.ndim < 2:
            raise ValueError(
                f"counts must have navigation axes and then channels (2-D at least), got {counts.ndim}-D; "
                "for one spectrum, pass spectrum[None, :]"
            )
    shape = tuple(int(n) for n in shape) or tuple(counts.shape)
    if math.prod(shape) == 0:
        raise ValueError(
            f"counts must hold at least one pixel and one channel, got an empty image of shape {shape}"
        )
    if (
        len(shape) < 2
        or min(shape) < 0
        or math.prod(shape) != math.prod(counts.shape)
        or shape[-1] != counts.shape[-1]
    ):
        raise ValueError(
            f"shape must be the navigation axes and then the {counts.shape[-1]} channels of counts, "
            f"{math.prod(counts.shape[:-1])} pixels in all; got {shape}"
        )
    return counts if is_sparse else counts.reshape(-1, shape[-1]), shape


def photon_counts(counts: Any, takes_part: np.ndarray | None = None) -> sparse.csr_array:
    """Return validated counts as the smallest unsigned integers that fit, 0 in masked pixels.

    Parameters
    ----------
    counts : (P, C) array or scipy.sparse matrix or array
    takes_part : (P,) bool array, optional
        True for pixels that are not masked. The others may contain anything, NaN too.

    Raises
    ------
    TypeError
        If the counts are not numbers.
    ValueError
        If they are negative, fractional, not finite, or all zero.
    """
    return compact_in_place(whole_counts(counts, takes_part))


def whole_counts(counts: Any, takes_part: np.ndarray | None = None) -> sparse.csr_array:
    """Return validated counts like `photon_counts`, which may all be zero, in a type that holds them."""
    dtype = counts.dtype
    if dtype.kind not in _WIDEST:
        raise TypeError(
            f"counts must be whole numbers of photons, got values of type {dtype}; convert them to integers"
        )
    if sparse.issparse(counts) and not getattr(counts, "has_canonical_format", False):
        # Entries given twice are added up: leave room for the sum.
        counts = counts.astype(_WIDEST[dtype.kind])
    csr = sparse.csr_array(native(counts), copy=sparse.issparse(counts))
    csr.sum_duplicates()
    if takes_part is not None:
        csr.data[np.repeat(~takes_part, np.diff(csr.indptr))] = 0
    values = csr.data
    if np.issubdtype(dtype, np.floating):
        if not np.isfinite(values).all():
            raise ValueError("counts must be finite, got NaN or infinity; set bad pixels to 0 counts")
        # HyperSpy scales and unscales data in place: its counts may come back with errors in the last digit.
        whole = np.round(values)
        if (np.abs(values - whole) > min(4 * np.finfo(dtype).eps, 1e-6) * np.abs(whole)).any():
            raise ValueError(
                "counts must be whole numbers of photons, got fractions; pass the raw counts, not scaled, averaged "
                "or denoised data (in HyperSpy: decomposition(normalize_poissonian_noise=False, ...))"
            )
        csr.data = values = whole
    if values.size and values.min() < 0:
        raise ValueError(
            f"counts must not be negative, got {values.min()}; pass the raw counts without background removal"
        )
    require_storable(csr)
    return csr


def native(counts: Any) -> Any:
    """Return counts in a type that SciPy's sparse arrays know: of this machine's byte order, and no half floats."""
    kind = counts.dtype.newbyteorder("=")
    return counts.astype(np.float32 if kind == np.float16 else kind, copy=False)


def require_storable(counts: sparse.csr_array) -> None:
    """Raise `ValueError` if a count is larger than what files hold."""
    largest = counts.data.max(initial=0)
    if largest > np.iinfo(np.uint32).max:
        raise ValueError(
            f"one channel of one pixel has {largest:g} counts; at most {np.iinfo(np.uint32).max} are supported"
        )


def split(
    counts: sparse.csr_array, keep: float, rng: np.random.Generator
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Split photons at random in two; each goes to the first part with probability `keep`.

    Raises
    ------
    ValueError
        If `keep` is not between 0 and 1, or one part gets no photon.
    """
    if not 0 < keep < 1:
        raise ValueError(f"keep must lie between 0 and 1, got {keep}")
    kept, rest = counts.copy(), counts.copy()
    kept.data = rng.binomial(counts.data.astype(np.int64), keep).astype(counts.dtype)
    rest.data = counts.data - kept.data
    if not (kept.data.any() and rest.data.any()):
        raise ValueError(
            f"thinning must leave photons on both sides, and {counts.data.sum(dtype=np.int64)} in all with keep {keep} "
            "did not; use an image with more counts or a keep nearer to 0.5"
        )
    return kept, rest


def turned_round(counts: sparse.csr_array) -> sparse.csr_array:
    """Return counts with the channels in reverse order."""
    turned = sparse.csr_array(
        (counts.data.copy(), counts.shape[1] - 1 - counts.indices, counts.indptr), shape=counts.shape
    )
    turned.sort_indices()
    return turned


def compact_in_place(counts: sparse.csr_array) -> sparse.csr_array:
    """Drop zeros from whole, non-negative counts, and store them as the smallest unsigned integers that fit.

    Raises
    ------
    ValueError
        If all counts are zero.
    """
    counts.eliminate_zeros()
    if counts.nnz == 0:
        raise ValueError(
            "the image holds no counts (all pixels are vacuum); check the file, the channel range, the crop or the mask"
        )
    counts.data = counts.data.astype(np.min_scalar_type(int(counts.data.max())), copy=False)
    return counts
