r"""Find what share of the photons of each endmember belongs to each line family, draw by draw.

Line families and continuum are fitted jointly to the endmember, so that overlapping lines share the counts; nothing is
counted in windows. The model of lines is calibrated once, on the sum spectrum (`bayesunmix.spectra.line_model`), and
only its non-negative amplitudes are fitted anew. The weights depend on the endmember's photons and not on the draw, so
that one QR decomposition serves all draws.
"""

from collections.abc import Sequence

import numpy as np

from bayesunmix.spectra.line_model import LineModel, inverse_noise

MOST_FITS = 200  # endmember draws that are fitted
_N_PASSES = 2


class FamilyFit:
    """Fit the families and the continuum of a model to spectra of one size: ``fit(spectra)`` are the net counts.

    Parameters
    ----------
    model : LineModel
    energy_kev : (C,) array
        Channel centres of the model.
    expected : (C,) array
        Expected counts of the spectra, which decide the weights.
    """

    def __init__(self, model: LineModel, energy_kev: np.ndarray, expected: np.ndarray) -> None:
        self._n_families = len(model.names)
        self._curves = np.concatenate([model.spectra, model.background])
        # Weights that follow the noise of the counts would draw the continuum down and leave more to the lines, so
        # those of the last pass follow what was fitted.
        self._set_weights(energy_kev, expected)
        for _ in range(_N_PASSES):
            self._set_weights(energy_kev, self._amplitudes(expected[None])[0] @ self._curves)

    def _set_weights(self, energy_kev: np.ndarray, expected: np.ndarray) -> None:
        self._weights = inverse_noise(energy_kev, expected)
        design = self._curves * self._weights
        self._size = np.maximum(np.linalg.norm(design, axis=1), 1e-300)
        self._basis, self._triangle = np.linalg.qr((design / self._size[:, None]).T)

    def _amplitudes(self, spectra: np.ndarray) -> np.ndarray:
        """Return the amplitudes of families and continuum, (n, J + B)."""
        from scipy.optimize import nnls

        targets = (spectra * self._weights) @ self._basis
        most = 50 * len(self._size)
        return np.array([nnls(self._triangle, target, maxiter=most)[0] for target in targets]) / self._size

    def __call__(self, spectra: np.ndarray) -> np.ndarray:
        """Return the net counts of the families in spectra (n, C), (n, J)."""
        return np.asarray(self._amplitudes(spectra)[:, : self._n_families])


def family_shares(
    model: LineModel, energy_kev: np.ndarray, endmembers: np.ndarray, photons: np.ndarray
) -> np.ndarray:
    """Return the share of the photons of each endmember in each family, (D, K, J).

    Parameters
    ----------
    model : LineModel
        Of the channels given.
    energy_kev : (C,) array
    endmembers : (D, K, C) array
        Draws of the endmembers in the model's channels.
    photons : (K,) array
        Photons of each component, which decide the weights of the fit.
    """
    shares = np.empty((*endmembers.shape[:2], len(model.names)))
    for k, size in enumerate(np.maximum(photons, 1.0)):
        drawn = size * endmembers[:, k].astype(np.float64)
        shares[:, k] = FamilyFit(model, energy_kev, drawn.mean(axis=0))(drawn) / size
    return shares


def evenly_spaced(draws: np.ndarray, most: int = MOST_FITS) -> np.ndarray:
    """Return at most so many draws, evenly spaced: of (chain, draw, ...) an array (D, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    n_kept = min(most, len(flat))
    return np.asarray(flat[np.arange(n_kept) * len(flat) // n_kept])


def families_on_axis(model: LineModel, names: Sequence[str]) -> list[int]:
    """Return the places of families in a model.

    Raises
    ------
    ValueError
        If one is not on the energy axis.
    """
    for name in names:
        if name not in model.names:
            raise ValueError(
                f"lines must be families on the energy axis, got {name!r}; there are {', '.join(model.names)}"
            )
    return [model.names.index(name) for name in names]
