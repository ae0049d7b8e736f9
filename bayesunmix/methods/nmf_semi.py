"""KL-NMF with some endmembers known: those given stay fixed, the rest are free.

A spectrum of the substrate, the grid or a standard is often available. Fixing it removes part of the freedom of a blind
factorisation. The descent in what is left is that of `nmf`.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.order import by_share
from bayesunmix.data.result import Unmixing
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.fits import em
from bayesunmix.engine.fits.descent import descend
from bayesunmix.engine.fits.starts import best_start


@METHODS.register("nmf_semi")
@dataclass(frozen=True)
class NMFSemi:
    """KL-NMF with given endmembers, which come first in the result and are marked in `known`.

    Those given keep their order; the free ones are in the order of their share of the counts, the largest first.

    Parameters
    ----------
    endmembers : (M, C) array, optional
        Spectra of M known components, in any scale, with the channels of the image; M is at most `n_components`. Stored
        as tuples, so that settings can be compared and written down. With None all are free, as in `nmf`.
    n_starts : int
        Random starts of the binned fit.
    tolerance : float
        The fit has converged when no more than this fraction of the deviance is left to gain, as extrapolated from the
        last iterations.
    max_iterations : int
        Largest number of EM iterations at full resolution.
    """

    endmembers: tuple[tuple[float, ...], ...] | None = None
    n_starts: int = 8
    tolerance: float = 1e-6
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        require_positive(self)
        if self.endmembers is not None:
            given = _validated(self.endmembers)
            object.__setattr__(self, "endmembers", tuple(map(tuple, given.tolist())))

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit `n_components` endmembers, the given ones among them, and abundances.

        Raises
        ------
        ValueError
            If the given endmembers have other channels than the image, or are more than `n_components`.
        """
        given = self._given(image, n_components)
        data, pixels = lay_out(image)
        start = best_start(image, pixels, n_components, key, self.n_starts, given)
        fixed = jnp.arange(n_components)[:, None] < len(given)
        result = descend(em.objective(data, fixed), start, image, pixels, self.tolerance, self.max_iterations)
        n_free = n_components - len(given)
        names = [*(f"given_{m}" for m in range(len(given))), *(f"free_{m}" for m in range(n_free))]
        # As they were given, not as float32 and the floor under all entries left them.
        endmembers = np.vstack([given, result.estimate.endmembers[len(given) :]])
        estimate = Factorization(endmembers, result.estimate.abundances)
        order = by_share(estimate)
        estimate = estimate.reorder(np.concatenate([np.arange(len(given)), order[order >= len(given)]]))
        known = (True,) * len(given) + (False,) * n_free
        return replace(result, estimate=estimate, names=tuple(names), known=known)

    def _given(self, image: SpectrumImage, n_components: int) -> np.ndarray:
        """Return the given endmembers, (M, C), with sum one."""
        if self.endmembers is None:
            return np.zeros((0, image.n_channels))
        given = np.array(self.endmembers)
        if given.shape[1] != image.n_channels:
            raise ValueError(
                f"setting endmembers of NMFSemi must have the {image.n_channels} channels of the image, "
                f"got {given.shape[1]}; bring the spectra to the energies of the image"
            )
        if len(given) > n_components:
            raise ValueError(
                f"n_components must be at least the number of given endmembers, {len(given)}, "
                f"got {n_components}; ask for more components or give fewer endmembers"
            )
        return given / given.sum(axis=1, keepdims=True)


def _validated(endmembers: object) -> np.ndarray:
    """Return the spectra as a (M, C) array of finite, non-negative numbers, none of them empty."""
    spectra = np.asarray(endmembers)
    if spectra.dtype.kind not in "uif" or spectra.ndim != 2 or spectra.size == 0:
        raise ValueError(
            "setting endmembers of NMFSemi must be numbers of shape (M, C), one spectrum a row, "
            f"got {spectra.dtype} of shape {spectra.shape}; for one spectrum, pass spectrum[None, :]"
        )
    if not np.isfinite(spectra).all() or (spectra < 0).any() or not spectra.any(axis=1).all():
        raise ValueError(
            "setting endmembers of NMFSemi must be finite and not negative, with a positive entry in every "
            "spectrum, and these are not; remove or repair the spectrum"
        )
    return spectra.astype(np.float64)
