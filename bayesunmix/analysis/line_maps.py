"""Map one X-ray line: the counts in its energy window, as recorded or as an estimate expects them.

An estimate with few components contains little of the noise, so its line maps are denoised; microscopists often draw
those of the first K principal components. No background is subtracted.
"""

import numpy as np

from bayesunmix.contracts.arguments import require_estimate_of
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.spectral_axis import SpectralAxis

Line = str | tuple[float, float]
_ENERGY = "give the name of a line such as 'Ni_Ka', or a range (low, high)"


def line_map(image: SpectrumImage, line: Line, estimate: Factorization | None = None) -> np.ndarray:
    """Add up the counts in the window of a line, in every pixel.

    Parameters
    ----------
    image : SpectrumImage
    line : str or (float, float)
        The name of a line, such as "Ni_Ka": the window reaches one full width at half maximum
        (`bayesunmix.spectra.Detector`) to either side of the line's mean energy. Or the two ends of a window,
        ``low <= energy < high``, in keV; of counts that are no X-rays in the unit of their axis.
    estimate : Factorization, optional
        Map the counts that this estimate of the image expects instead, such as
        ``unmix(image, 3, "pca").estimate``.

    Returns
    -------
    line_map : array of `image.navigation_shape`
        Recorded counts, or expected ones.

    Raises
    ------
    ValueError
        If there is no such line, its window holds no channel, or the estimate is not one of this image.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(element).record(energy_kev, Detector()) for element in ("Cr", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> counted = bu.line_map(image, "Ni_Ka")
    >>> counted.shape
    (8, 8)
    >>> bool(counted[:4].sum() < counted[4:].sum())
    True
    """
    window = line_window(line, image.spectral_axis)
    if estimate is None:
        first, last = np.flatnonzero(window)[[0, -1]]
        total = image.counts[:, first : last + 1].sum(axis=1, dtype=np.int64)
    else:
        require_estimate_of(estimate, image)
        total = estimate.abundances @ estimate.endmembers[:, window].sum(axis=1)
    return np.asarray(total).reshape(image.navigation_shape)


def line_window(line: Line, axis: SpectralAxis) -> np.ndarray:
    """Return True for the channels in the window of a line, (C,) bool; see `line_map`."""
    low, high = _around(line, axis) if isinstance(line, str) else _range(line, axis)
    window = (axis.values >= low) & (axis.values < high)
    if not window.any():
        ends = f"{low:.3f} to {high:.3f}" if axis.is_xray else f"{low:g} to {high:g}"
        raise ValueError(
            f"{line!r} must lie on the {axis.name.lower()} axis, but no channel of {axis.say_ends(3)} is in its "
            f"window, {axis.said(ends)}; {_ENERGY} on the axis"
        )
    return np.asarray(window)


def _around(name: str, axis: SpectralAxis) -> tuple[float, float]:
    from bayesunmix.spectra import RESPONSES, lines

    axis.require_xray()
    element, _, group = name.partition("_")
    if not group:
        raise ValueError(f"line must be an element and a line, got {name!r}; {_ENERGY}")
    family = lines(element, group[0])
    own = np.array(family.names) == name
    if not own.any():
        raise ValueError(
            f"line must be one of {', '.join(sorted(set(family.names)))}, got {name!r}; choose one of these"
        )
    centre = float(np.average(family.energy_kev[own], weights=family.intensity[own]))
    width = float(RESPONSES["ideal"].fwhm_kev(np.array(centre)))
    return centre - width, centre + width


def _range(line: tuple[float, float], axis: SpectralAxis) -> tuple[float, float]:
    try:
        low, high = (float(energy) for energy in line)
    except (TypeError, ValueError) as error:
        ends = "two energies in keV" if axis.is_xray else f"two ends in {axis.units or 'channels'}"
        raise ValueError(f"line must be a name or {ends}, got {line!r}; {_ENERGY}") from error
    return low, high
