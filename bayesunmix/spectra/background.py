r"""Compute the continuum that electrons radiate when nuclei deflect them (bremsstrahlung).

Kramers' law for the number of photons per unit energy, for electrons of energy :math:`E_0`,

.. math:: N(E) \propto \frac{E_0 - E}{E}, \qquad 0 < E < E_0,

holds for a target that stops the electrons. One atom that an electron of speed :math:`\beta` passes radiates

.. math:: \frac{d\sigma}{dE} = g \, \frac{16 \pi}{3 \sqrt{3}} \, \frac{\alpha r_e^2 Z^2}{\beta^2 E},

the thin film's law, which has the same shape for :math:`E \ll E_0`. Quantum theory multiplies it by a Gaunt factor g
between 1 and 2, which changes slowly with E and Z, and sends more photons forward than to a detector at the side. One
number stands for both. It is fitted to the ratio of continuum and K-alpha lines of the published Ni/Cr needle.

Where neither beam energy nor absorption is known, `continuum_curves` gives any smooth positive continuum: 1/E times the
detector's efficiency, times a polynomial in log E with non-negative Bernstein coefficients.

References
----------
H. A. Kramers, "On the theory of X-ray absorption and of the continuous X-ray spectrum",
Philosophical Magazine 46 (1923) 836-871.
H. W. Koch and J. W. Motz, "Bremsstrahlung cross-section formulas and related data", Reviews of Modern Physics 31
(1959) 920-955: how far it holds.
"""

import numpy as np
from scipy.special import comb

from bayesunmix.spectra.channels import channel_edges
from bayesunmix.spectra.detector import Detector

_CONTINUUM_ORDER = 8
_ELECTRON_KEV = 510.99895
_FINE_STRUCTURE = 1 / 137.035999
_ELECTRON_RADIUS_CM = 2.8179403e-13
_GAUNT = 1.37
# The continuum is emitted in fine steps where windows and crystals have edges, and in steps less than a peak above.
_LOWEST_KEV, _EDGES_BELOW_KEV, _MARGIN_KEV = 0.1, 2.5, 0.5
_FINE_KEV, _COARSE_KEV = 0.005, 0.03


def kramers(energy_kev: np.ndarray, beam_kev: float) -> np.ndarray:
    """Return the continuum photons per channel, as emitted; `Detector.record` records them.

    They are integrated exactly over each channel. To record them, use an axis that extends a few peak widths beyond the
    detector's on both sides, because photons from there are recorded inside it.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    beam_kev : float
        Energy of the electrons; no photon has more.

    Returns
    -------
    photons : (C,) array
        Not negative, sums to one.

    Raises
    ------
    ValueError
        If the axis does not lie above 0 keV, or starts above the beam energy.
    """
    inside = _edges_below(energy_kev, beam_kev)
    photons = np.diff(beam_kev * np.log(inside) - inside)
    return photons / photons.sum()


def kramers_cross_section(energy_kev: np.ndarray, beam_kev: float) -> np.ndarray:
    """Return an atom's cross-section for radiating a photon into each channel, in any direction, over its Z squared.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    beam_kev : float
        Energy of the electrons.

    Returns
    -------
    cross_section : (C,) array
        In cm2; 0 above the beam energy.

    Raises
    ------
    ValueError
        If the axis does not lie above 0 keV, or starts above the beam energy.
    """
    beta2 = 1 - (1 + beam_kev / _ELECTRON_KEV) ** -2
    classical = 16 * np.pi / (3 * np.sqrt(3)) * _FINE_STRUCTURE * _ELECTRON_RADIUS_CM**2 / beta2
    return _GAUNT * classical * np.diff(np.log(_edges_below(energy_kev, beam_kev)))


def continuum_curves(energy_kev: np.ndarray, detector: Detector) -> np.ndarray:
    """Return the curves whose non-negative sums are the recorded continuum, (9, C), each summing to one."""
    curves = detector.efficiency(energy_kev) / energy_kev * bernstein(_position(energy_kev), _CONTINUUM_ORDER)
    return np.asarray(curves / np.maximum(curves.sum(axis=1, keepdims=True), 1e-300))


def recorded_continuum_curves(energy_kev: np.ndarray, detector: Detector) -> np.ndarray:
    """Return the same curves as the detector records them: absorption edges are as wide as its peaks.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres, above 0.
    detector : Detector

    Returns
    -------
    (9, C) array
        Each sums to one.
    """
    ends = (
        np.arange(_LOWEST_KEV, _EDGES_BELOW_KEV, _FINE_KEV),
        np.arange(_EDGES_BELOW_KEV, energy_kev[-1] + _MARGIN_KEV + _COARSE_KEV, _COARSE_KEV),
    )
    edges = np.concatenate(ends)
    emitted_kev = (edges[1:] + edges[:-1]) / 2
    recorded = detector.record(emitted_kev, np.log(edges[1:] / edges[:-1]), energy_kev)
    curves = recorded * bernstein(_position(energy_kev), _CONTINUUM_ORDER)
    return np.asarray(curves / np.maximum(curves.sum(axis=1, keepdims=True), 1e-300))


def bernstein(position: np.ndarray, order: int) -> np.ndarray:
    """Return Bernstein polynomials at positions from 0 to 1, (order + 1, n): not negative, summing to one."""
    k = np.arange(order + 1)[:, None]
    return np.asarray(comb(order, k) * position**k * (1 - position) ** (order - k))


def _position(energy_kev: np.ndarray) -> np.ndarray:
    """Return where channels lie between the lowest and the highest, on a logarithmic scale from 0 to 1."""
    low, high = np.log(np.maximum(energy_kev[[0, -1]], 1e-3))
    return np.asarray((np.log(np.maximum(energy_kev, 1e-3)) - low) / max(high - low, 1e-9))


def _edges_below(energy_kev: np.ndarray, beam_kev: float) -> np.ndarray:
    """Return the channel edges, those above the beam energy moved down to it."""
    edges = channel_edges(energy_kev)
    if not 0 < edges[0] < beam_kev < np.inf:
        raise ValueError(
            f"the continuum needs 0 < lowest channel edge < beam energy, got an edge at {edges[0]:g} keV "
            f"and a beam of {beam_kev:g} keV; crop the axis or correct beam_kev"
        )
    return np.minimum(edges, beam_kev)
