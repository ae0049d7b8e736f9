r"""Compute the k-factors of a thin film from the physics of its lines, and say how wrong they may be.

An element of weight fraction w gives, in a thin film of mass thickness :math:`\rho t`,

.. math:: I = w \, \rho t \, y, \qquad y = \frac{N_A}{M} \sum_l \sigma \, \omega \, R_l \, \varepsilon(E_l)

recorded photons for every electron (`bayesunmix.spectra.thin_film`, with the detector's efficiency). So
:math:`w_A / w_B = (k_A / k_B) \, (I_A / I_B)` with k = 1 / y [1]_. Only ratios of factors matter; here the factor of Si
K-alpha is one.

A name says which lines are counted: "Fe_K" is the whole family, as `bayesunmix.line_intensities` counts it, and "Fe_Ka"
is its alpha group alone, as the tables of HyperSpy, Bruker and Williams and Carter have it.

How wrong a factor may be is a standard deviation of its logarithm. The first part follows from the shell; it was set by
comparison with published factors and with a certified film (docs, "How far k-factors can be trusted"). The second is
the efficiency of a detector that is not known: half of the difference between one without a window and the default, and
between crystals of 0.45 and 1 mm.

References
----------
.. [1] G. Cliff and G. W. Lorimer, "The quantitative analysis of thin specimens", J. Microsc. 103, 203 (1975).
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.lines import Lines, atomic_number
from bayesunmix.spectra.thin_film import thin_film

USUAL_BEAM_KEV = 200.0
#: Standard deviation of ln k from cross-sections and yields: of lines above and below 1 keV.
SHELL_SD = {"K": (0.05, 0.15), "L": (0.10, 0.30), "M": (0.40, 0.60)}
SOFT_KEV = 1.0
_THICK_MM = 1.0
_SHELLS = ("K", "L", "M")


class Factor(NamedTuple):
    """Hold a k-factor, for weight, and the standard deviation of its logarithm."""

    k: float
    sd: float


def k_factor(
    name: str, beam_kev: float = USUAL_BEAM_KEV, detector: Detector | None = None, *, known: bool = False
) -> Factor:
    """Compute the k-factor of a family ("Fe_K") or of a group of its lines ("Fe_Ka"), relative to Si K-alpha.

    Parameters
    ----------
    name : str
    beam_kev : float
        Energy of the electrons.
    detector : Detector, optional
        The default one where not given.
    known : bool
        True where the detector is the one that was used: its efficiency has no error then.

    Raises
    ------
    ValueError
        If there is no such element or line, or the beam does not excite it.

    Examples
    --------
    >>> from bayesunmix.spectra.k_factors import k_factor
    >>> round(k_factor("Fe_Ka", 200).k, 1), k_factor("Si_Ka", 200).k
    (1.7, 1.0)
    """
    used = detector or Detector()
    lines = _emitted(name, beam_kev)
    recorded = _recorded(lines, used)
    if not recorded > 0:
        raise ValueError(f"the detector records no photon of {name}; choose another line of the element")
    k = _recorded(_emitted("Si_Ka", beam_kev), used) / recorded
    physics = shell_sd(name)
    return Factor(k, physics if known else float(np.hypot(physics, efficiency_sd(name, used, beam_kev))))


def shell_sd(name: str) -> float:
    """Return the standard deviation of ln k that comes from the cross-section and the yield of a line's shell."""
    above, below = SHELL_SD[name.partition("_")[2][:1]]
    return above if mean_kev(name) >= SOFT_KEV else below


def efficiency_sd(name: str, detector: Detector, beam_kev: float = USUAL_BEAM_KEV) -> float:
    """Return the standard deviation of ln k that comes from a detector whose window and thickness are not known."""
    lines = _emitted(name, beam_kev)
    usual = _recorded(lines, detector)
    others = (
        replace(detector, window_um=0.0 if detector.window_um else Detector().window_um),
        replace(detector, crystal_mm=_THICK_MM if detector.crystal_mm < _THICK_MM else Detector().crystal_mm),
    )
    window, crystal = (abs(np.log(_recorded(lines, other) / usual)) / 2 for other in others)
    return float(np.hypot(window, crystal))


def mean_kev(name: str) -> float:
    """Return the mean energy of the photons that a family or a group emits."""
    lines = _emitted(name, USUAL_BEAM_KEV)
    return float(np.average(lines.energy_kev, weights=lines.intensity))


def group_share(name: str, beam_kev: float, detector: Detector) -> float:
    """Return the share of a family's recorded photons that the named lines have: 1 for "Fe_K", 0.88 for "Fe_Ka"."""
    family = name[: name.index("_") + 2]
    return _recorded(_emitted(name, beam_kev), detector) / _recorded(_emitted(family, beam_kev), detector)


def recorded_lines(name: str, beam_kev: float, detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """Return energies and relative recorded photons of the lines of a family; the photons sum to one."""
    lines = _emitted(name, beam_kev)
    photons = lines.intensity * detector.efficiency(lines.energy_kev)
    return lines.energy_kev, photons / photons.sum()


def parse_line(name: str) -> tuple[str, str, str]:
    """Split the name of a line into element, shell and group: ("Fe", "K", "a"), or ("Fe", "K", "") for "Fe_K".

    Raises
    ------
    ValueError
        If it is no name of a line.
    """
    element, _, rest = name.partition("_")
    if rest[:1] not in _SHELLS or len(rest) > 2:
        raise ValueError(f"a line must have a name such as 'Fe_Ka' or 'Fe_K', got {name!r}")
    atomic_number(element)
    return element, rest[0], rest[1:]


@lru_cache(maxsize=512)
def _emitted(name: str, beam_kev: float) -> Lines:
    """Return the lines of a family or a group that a ug/cm2 of the element emits."""
    element, shell, group = parse_line(name)
    lines = thin_film({element: 1.0}, beam_kev).lines
    wanted = np.array([known.startswith(f"{element}_{shell}{group}") for known in lines.names], bool)
    if not wanted.any():
        raise ValueError(
            f"a beam of {beam_kev:g} keV excites no line {name} of {element}; choose another line of the element"
        )
    return Lines(
        tuple(known for known, is_wanted in zip(lines.names, wanted, strict=True) if is_wanted),
        lines.energy_kev[wanted],
        lines.intensity[wanted],
    )


def _recorded(lines: Lines, detector: Detector) -> float:
    return float(lines.intensity @ detector.efficiency(lines.energy_kev))
