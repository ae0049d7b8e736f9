r"""Compute how often a beam electron empties an inner shell: the ionisation cross-section of K, L and M shells.

The formula is the analytical fit of Bote et al. to distorted-wave (near the edge) and plane-wave Born calculations, for
an overvoltage :math:`U = E_0 / E_{edge}` above one. Up to U = 16,

.. math:: \sigma = 4 \pi a_0^2 \frac{U - 1}{U^2}
    \left[a_1 + a_2 U + \frac{a_3}{1 + U} + \frac{a_4}{(1 + U)^3} + \frac{a_5}{(1 + U)^5}\right]^2

and beyond, with :math:`\beta` the electron's speed in units of light's, :math:`\gamma` its Lorentz factor and
:math:`p = \beta \gamma`,

.. math:: \sigma = 4 \pi a_0^2 \frac{A}{\beta^2} \frac{U}{U + b}
    \left[(2 \ln p - \beta^2) \left(1 + \frac{g_1}{p}\right) + g_2 + \frac{g_3}{\gamma^{1/2}} + \frac{g_4}{p}\right]

The parameters, for hydrogen to einsteinium, are in `bote_salvat.csv` beside this file. They come from NIST's
transcription of the authors' program, which is in the public domain.

References
----------
D. Bote, F. Salvat, A. Jablonski, C. J. Powell, "Cross sections for ionization of K, L and M shells of atoms by
impact of electrons and positrons with energies up to 1 GeV: Analytical formulas", Atomic Data and Nuclear Data
Tables 95 (2009) 871-909.
D. Bote, F. Salvat, "Calculations of inner-shell ionization by electron impact with the distorted-wave and
plane-wave Born approximations", Physical Review A 77 (2008) 042701.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

BOHR_CM = 5.291772e-9
ELECTRON_KEV = 510.99895
_TURN = 16.0  # overvoltage up to which the fit to the distorted-wave results holds


def ionisation(number: int, shell: str, beam_kev: float) -> float:
    """Return the cross-section for ionising one subshell of an atom by one electron.

    Parameters
    ----------
    number : int
        Atomic number, 1 to 99.
    shell : str
        "K", "L1", ..., "M5".
    beam_kev : float
        Kinetic energy of the electron.

    Returns
    -------
    cross_section : float
        In cm2; 0 where the beam is below the edge, or the element has no such inner shell.
    """
    fit = _fits().get((number, shell))
    if fit is None or beam_kev * 1000 <= fit.edge_ev:
        return 0.0
    overvoltage = beam_kev * 1000 / fit.edge_ev
    shape = _near(fit, overvoltage) if overvoltage <= _TURN else _far(fit, overvoltage, beam_kev)
    return float(4 * np.pi * BOHR_CM**2 * shape)


class _Fit(NamedTuple):
    """Hold one row of the table."""

    edge_ev: float
    a1: float
    a2: float
    a3: float
    a4: float
    a5: float
    b: float
    amplitude: float
    g1: float
    g2: float
    g3: float
    g4: float


def _near(fit: _Fit, overvoltage: float) -> float:
    x = 1 / (1 + overvoltage)
    bracket = fit.a1 + fit.a2 * overvoltage + x * (fit.a3 + x**2 * (fit.a4 + x**2 * fit.a5))
    return (overvoltage - 1) * (bracket / overvoltage) ** 2


def _far(fit: _Fit, overvoltage: float, beam_kev: float) -> float:
    gamma = 1 + beam_kev / ELECTRON_KEV
    momentum = np.sqrt(gamma**2 - 1)
    beta2 = 1 - gamma**-2
    bracket = (2 * np.log(momentum) - beta2) * (1 + fit.g1 / momentum)
    bracket += fit.g2 + fit.g3 / np.sqrt(gamma) + fit.g4 / momentum
    return fit.amplitude / beta2 * overvoltage / (overvoltage + fit.b) * bracket


@cache
def _fits() -> dict[tuple[int, str], _Fit]:
    text = files("bayesunmix.spectra").joinpath("bote_salvat.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    _header = next(rows)
    return {(int(number), shell): _Fit(*map(float, numbers)) for number, shell, *numbers in rows}
