r"""Compare components with standards: k-ratios, which a matrix correction turns into a composition.

.. math:: k = \frac{I / D}{I_{standard} / D_{standard}},

with net counts I of a line family and exposures D (live time times current). It holds for bulk specimens and films
alike, because nothing is corrected: absorption, backscattering and fluorescence are left to the program that reads the
ratios.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.analysis.family_shares import FamilyFit
from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.other_solutions import other_solutions
from bayesunmix.contracts.arguments import (
    require_nonnegative,
    require_posterior,
    require_result_of,
    require_seed,
)
from bayesunmix.data.draws import require_probability
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.io.msa import MsaSpectrum, load_msa
from bayesunmix.quantification.amounts import Amount, Drawn, amounts_of
from bayesunmix.quantification.exposure import filled_pixels
from bayesunmix.quantification.film import require_positive
from bayesunmix.quantification.line_choice import choose_lines
from bayesunmix.quantification.net_draws import component_draws
from bayesunmix.running.home import at_home
from bayesunmix.spectra.k_factors import USUAL_BEAM_KEV
from bayesunmix.spectra.line_model import fit_lines
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV, recognise

_N_DRAWS = 200


def k_ratios(
    result: Unmixing,
    image: SpectrumImage,
    standards: Mapping[str, Any],
    *,
    live_time_s: float,
    probe_na: float,
    level: float = 0.9,
    identified: Identified | None = None,
    seed: int = 0,
) -> dict[str, dict[str, Amount]]:
    """Return the k-ratio of each element in each component: ``k_ratios(...)["olivine"]["Fe"].mean``.

    Parameters
    ----------
    result : Unmixing
        A result with a posterior.
    image : SpectrumImage
        The image that was unmixed.
    standards : mapping from element to path of an .msa file
        The spectrum of a standard for each element, taken with the same detector and beam, with its live time and
        current. A line ("Fe_K") in the place of the element chooses the family.
    live_time_s : float
        Live time of one pixel.
    probe_na : float
        Beam current during the map.
    level : float
        Probability of the intervals.
    identified : Identified, optional
        What ``bayesunmix.identify(result, image)`` returned.
    seed : int
        The same seed gives the same answer.

    Returns
    -------
    ratios : dict of str to dict of str to Amount
        By component and element. `factor_sd` is the error of the standard, which is common to all components. A
        component whose exposure is not known, because no pixel is nearly pure, is left out.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If an argument is not of the required kind, a standard has no exposure or not the line, or no exposure is known.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> from bayesunmix.spectra import Detector, thin_film
    >>> energy_kev = np.arange(1, 10, 0.02)
    >>> spectra = [thin_film(formula).record(energy_kev, Detector()) for formula in ("CrNi", "Ni")]
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> expected = 400 * layers @ (spectra / np.sum(spectra, axis=1, keepdims=True))
    >>> counts = np.random.default_rng(0).poisson(expected).reshape(8, 8, -1)
    >>> image = bu.SpectrumImage(counts, energy_kev)
    >>> result = bu.unmix(image, 2, "fisher_conditional", verdicts=False)
    >>> from bayesunmix.io.msa import MsaSpectrum
    >>> nickel = MsaSpectrum(energy_kev, 1e5 * spectra[1] / spectra[1].sum(), "nickel", live_time_s=10, probe_na=1)
    >>> found = bu.k_ratios(result, image, {"Ni": nickel}, live_time_s=0.04, probe_na=1)
    >>> all(ratios["Ni"].mean > 0 for ratios in found.values())
    True
    """
    require_result_of(result, image)
    image.spectral_axis.require_xray()
    require_nonnegative(result, "a k-ratio is made of net counts")
    require_seed(seed)
    require_probability(level)
    require_positive("live_time_s", live_time_s)
    require_positive("probe_na", probe_na)
    posterior = require_posterior(result, "a k-ratio with error bars")
    if not isinstance(standards, Mapping) or not standards:
        raise TypeError(f"standards must be a mapping such as {{'Fe': 'iron.msa'}}, got {standards!r}")
    choice = choose_lines(image, list(standards), None, (), USUAL_BEAM_KEV, None, seed)
    rng = np.random.default_rng([seed, 2])
    rates = [
        _standard(_spectrum(element, value), factor.family, rng)
        for (element, value), factor in zip(standards.items(), choice.factors, strict=True)
    ]
    pixels = filled_pixels(result)
    if not any(pixels):
        raise ValueError(
            "a k-ratio needs the exposure of a component, and no pixel is nearly pure; take the spectrum of a pure "
            "area, or write the spectra by bayesunmix.write_msa and set the exposure there"
        )
    rotations = other_solutions(result, image, identified, seed).rotations
    nets = component_draws(result, posterior, image, choice, rotations, seed)
    found: dict[str, dict[str, Amount]] = {}
    for name, net, filled in zip(result.names, nets, pixels, strict=True):
        if filled is None:
            continue
        scale = filled * live_time_s * probe_na * np.array([rate for rate, _ in rates])
        error = np.array([sd for _, sd in rates])
        wide = 1 + error * rng.standard_normal((len(net.draws), error.size))
        alone = 1 + error * rng.standard_normal((_N_DRAWS, error.size))
        drawn = Drawn(
            net.draws / scale,
            net.draws / scale / wide,
            net.under / scale,
            net.under / scale / wide,
            net.own / scale,
            net.counting / scale,
            net.estimate / scale / alone,
            net.is_known,
        )
        found[name] = dict(zip(choice.elements, amounts_of(drawn, level, most=np.inf), strict=True))
    return found


def _spectrum(element: str, value: Any) -> MsaSpectrum:
    if isinstance(value, str | Path):
        value = load_msa(at_home(value))
    if not isinstance(value, MsaSpectrum):
        raise TypeError(
            f"the standard of {element} must be the path of an .msa file, got {type(value).__name__}; write one"
        )
    if not value.dose:
        raise ValueError(
            f"the standard of {element} must say its live time and beam current (LIVETIME and PROBECUR), and does not; "
            "add these lines to its .msa file"
        )
    return value


def _standard(spectrum: MsaSpectrum, family: str, rng: np.random.Generator) -> tuple[float, float]:
    """Return the net counts of a family for each nA s, and their relative error from counting."""
    first = int(np.searchsorted(spectrum.energy_kev, NOISE_BELOW_KEV))
    energy, counts = spectrum.energy_kev[first:], spectrum.counts[first:]
    element = family.partition("_")[0]
    shown = recognise(spectrum.energy_kev, np.round(spectrum.counts).astype(np.int64), None).reasons
    model = fit_lines(energy, counts, tuple(dict.fromkeys([*shown, element])))
    place = model.names.index(family) if family in model.names else None
    net = 0.0
    if place is not None:
        fit = FamilyFit(model, energy, counts)
        net = float(fit(counts[None])[0, place])
    if place is None or not net > 0:
        raise ValueError(
            f"the standard {spectrum.title!r} must show {family}, and has no counts of it; choose another standard"
        )
    noisy = fit(rng.poisson(np.maximum(counts, 0), (_N_DRAWS, counts.size)).astype(np.float64))[:, place]
    assert spectrum.dose is not None
    return net / spectrum.dose, float(noisy.std() / net)
