r"""Infer the ratio of two lines in the spectrum of a component, as the Cliff-Lorimer method needs it [1]_.

.. math:: r_k = \sum_{c \in w_1} e_{kc} \Big/ \sum_{c \in w_2} e_{kc}

with the windows w of `bayesunmix.line_map`. Each draw of the endmembers gives a ratio. Where other solutions T E fit as
well (`bayesunmix.identify`), each T is applied to all draws, and the total interval is the union of the intervals under
each of them (`bayesunmix.data.rotations` says why). Where the second line may be absent, a ratio is infinite, so
quantiles are taken of the share of the first line in both.

References
----------
.. [1] G. Cliff and G. W. Lorimer, "The quantitative analysis of thin specimens", J. Microsc. 103, 203 (1975).
"""

import math
from collections.abc import Sequence

import numpy as np

from bayesunmix.analysis.assumptions import component_number
from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.line_maps import Line, line_window
from bayesunmix.analysis.other_solutions import other_solutions
from bayesunmix.analysis.quantity import DETECTED, LIMIT_LEVEL, Quantity
from bayesunmix.contracts.arguments import require_posterior, require_result_of, require_seed
from bayesunmix.data.draws import equal_tailed, quantile, require_probability
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.data.rotations import Include, require_include
from bayesunmix.data.spectral_axis import SpectralAxis


def line_ratio(
    result: Unmixing,
    image: SpectrumImage,
    lines: Sequence[Line],
    component: int | str,
    *,
    interval: float = 0.9,
    include: Include = "total",
    identified: Identified | None = None,
    seed: int = 0,
) -> Quantity:
    """Infer the ratio of two lines in the spectrum of a component, for example ``("Fe_Ka", "Pt_La")``.

    The counts in the windows of the lines are compared, continuum included. Of lines that are weak beside the continuum
    this is no ratio of intensities: subtract it first, or map net counts (`bayesunmix.line_intensities`).

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    lines : two lines
        Each the name of a line, such as "Fe_Ka", or the two ends of a window (`bayesunmix.line_map`).
    component : int or str
        Its number or name.
    interval : float
        Probability of the interval.
    include : {"total", "counting"}
        Whether the interval includes the other solutions that fit as well, or only the error of the endmembers.
    identified : Identified, optional
        What ``bayesunmix.identify(result, image)`` returned, for example with other assumptions. Where not given, the
        rotations that the result has from `unmix` are used, or found, which takes seconds.
    seed : int
        Decides the search for other solutions, where they are to be found.

    Returns
    -------
    Quantity
        Its mean is the ratio in the mean spectrum. `counting_sd` is 0: a spectrum has only the error of the endmembers.
        `upper` is infinite where the second line may be absent.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, there is no such line or component, or the result has no posterior.

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
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> ratio = bu.line_ratio(result, image, ("Ni_Kb", "Ni_Ka"), 0)
    >>> ratio.lower <= ratio.mean <= ratio.upper
    True
    """
    require_result_of(result, image)
    require_seed(seed)
    require_probability(interval)
    require_include(include)
    posterior = require_posterior(result, "a ratio of lines with its interval")
    pair, axis = _pair(lines), image.spectral_axis
    k = component_number(component, result.names, "component")
    windows = [line_window(line, axis) for line in pair]
    rotations = other_solutions(result, image, identified, seed).rotations
    drawn = _in_windows(posterior.endmembers, windows).reshape(-1, len(result.names), 2)
    mean = _in_windows(posterior.mean().endmembers, windows)
    if not mean[k, 1] > 0:
        raise ValueError(
            f"the second line must be in the spectrum of the component, but {result.names[k]} has no counts in the "
            f"window of {pair[1]!r}; ask for the ratio the other way round"
        )
    under = _ratio(rotations[:, k] @ mean)
    lowest, highest = float(under.min()), float(under.max())
    rows = np.eye(len(result.names))[[k]] if include == "counting" else rotations[:, k]
    lower, upper = _union(drawn, rows, interval)
    value, ratios = float(_ratio(mean[k])), _ratio(drawn[:, k])
    sd = float(ratios.std()) if np.isfinite(ratios).all() else math.inf
    is_known = (np.array(result.known) | np.array(result.unique)).all()
    detected = value >= DETECTED * sd and min(lower, lowest) > 0
    limit = max(float(_from_share(quantile(_share(drawn[:, k]), LIMIT_LEVEL))), upper)
    return Quantity(
        value,
        lower,
        upper,
        interval,
        None if detected else limit,
        0.0,
        sd,
        None if is_known else (lowest, highest),
    )


def line_ratios(endmembers: np.ndarray, energy_kev: np.ndarray, lines: Sequence[Line]) -> np.ndarray:
    """Return the ratio of two lines in spectra of shape (..., C)."""
    axis = SpectralAxis(energy_kev)
    return _ratio(_in_windows(endmembers, [line_window(line, axis) for line in lines]))


def line_ratio_interval(
    posterior: Posterior,
    energy_kev: np.ndarray,
    lines: Sequence[Line],
    component: int,
    probability: float = 0.9,
) -> tuple[float, float]:
    """Return the total interval of the ratio of two lines in the spectrum of a component."""
    axis = SpectralAxis(energy_kev)
    n_components = posterior.endmembers.shape[2]
    both = _in_windows(posterior.endmembers, [line_window(line, axis) for line in lines])
    rotations = np.eye(n_components)[None] if posterior.rotations is None else posterior.rotations
    return _union(both.reshape(-1, n_components, 2), rotations[:, component], probability)


def _pair(lines: Sequence[Line]) -> tuple[Line, Line]:
    if isinstance(lines, str) or not isinstance(lines, Sequence) or len(lines) != 2:
        raise TypeError(f"lines must be two lines, got {lines!r}; for example ('Fe_Ka', 'Pt_La')")
    first, second = lines
    if first is second or (isinstance(first, str) and first == second):
        raise ValueError(f"lines must be two different lines, got {first!r} twice; name the other one")
    return first, second


def _in_windows(endmembers: np.ndarray, windows: Sequence[np.ndarray]) -> np.ndarray:
    """Return the counts of (..., C) spectra in two windows, (..., 2)."""
    return np.stack([endmembers[..., window].sum(axis=-1, dtype=np.float64) for window in windows], axis=-1)


def _union(draws: np.ndarray, rows: np.ndarray, probability: float) -> tuple[float, float]:
    """Return the ends over the intervals under each rotation, whose rows for the component are given, (n, K)."""
    ends = [equal_tailed(_share(np.einsum("k,dkw->dw", row, draws)), probability) for row in rows]
    low, high = np.min([low for low, _ in ends]), np.max([high for _, high in ends])
    return float(_from_share(low)), float(_from_share(high))


def _share(both: np.ndarray) -> np.ndarray:
    """Return the share of the first in (..., 2) counts; what is negative within the noise is zero."""
    top, total = np.maximum(both[..., 0], 0), np.maximum(both, 0).sum(axis=-1)
    return np.asarray(top / np.where(total > 0, total, 1))


def _from_share(share: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(share / (1 - share))


def _ratio(both: np.ndarray) -> np.ndarray:
    """Divide (..., 2) counts; where there is nothing of the second the ratio is infinite, where of neither it is 0."""
    return _from_share(_share(both))
