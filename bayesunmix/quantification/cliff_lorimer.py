r"""Turn net counts into a composition by the Cliff-Lorimer method, with absorption iterated to consistency.

Without absorption the weight fractions are

.. math:: w_i = k_i I_i \Big/ \sum_j k_j I_j .

In a film of mass thickness :math:`\rho t`, only a part :math:`T_i` of the photons of an element leaves the specimen
(`bayesunmix.spectra.film_transmission`, averaged over the lines of its family), and :math:`I_i / T_i` takes the place
of :math:`I_i`. The absorption follows from the composition, so both are found together by iteration. With
zeta-factors [1]_,

.. math:: \rho t = \sum_j \zeta_j I_j / N_e,

and the mass thickness is a result instead of an input. Everything here takes arrays of draws, (..., E).

References
----------
.. [1] M. Watanabe and D. B. Williams, "The quantitative analysis of thin specimens: a review of progress from the
   Cliff-Lorimer to the new zeta-factor methods", J. Microsc. 221, 89 (2006).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xraylib

from bayesunmix.spectra.absorption import attenuation, film_transmission
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.k_factors import recorded_lines
from bayesunmix.spectra.lines import atomic_number

_MOST_STEPS, _CLOSE = 100, 1e-8  # of the iteration, and of a weight fraction


class Absorber(NamedTuple):
    """Hold what absorption needs: L lines of E elements, absorbed by N elements.

    Attributes
    ----------
    photons : (E, L) array
        Share of each line in the recorded photons of an element.
    attenuation : (L, N) array
        In cm2/g.
    takeoff_deg : float
    """

    photons: np.ndarray
    attenuation: np.ndarray
    takeoff_deg: float

    def transmission(self, weights: np.ndarray, mass_thickness: np.ndarray | float) -> np.ndarray:
        """Return the part of each element's photons that leaves the film, (..., E).

        Parameters
        ----------
        weights : (..., N) array
        mass_thickness : (...) array or float
            In g/cm2.
        """
        depth = weights @ self.attenuation.T * np.asarray(mass_thickness)[..., None]
        return film_transmission(depth, self.takeoff_deg) @ self.photons.T


class Recipe(NamedTuple):
    """Hold how net counts become a composition.

    Attributes
    ----------
    elements : E str
        Elements whose lines are counted.
    k : (E,) array
        Factor of each, by weight, for the counts that are given.
    valences : (E,) array or None
        Oxygen atoms for each atom where oxygen follows by stoichiometry; it is then the last of the E + 1 elements of
        the composition.
    absorber : Absorber or None
    mass_thickness : float or None
        In g/cm2; None where it follows from zeta-factors.
    electrons : float or None
        With zeta-factors: electrons for the counts that are given.
    """

    elements: tuple[str, ...]
    k: np.ndarray
    valences: np.ndarray | None = None
    absorber: Absorber | None = None
    mass_thickness: float | None = None
    electrons: float | None = None

    @property
    def all_elements(self) -> tuple[str, ...]:
        """Return the elements of the composition, with an oxygen that follows by stoichiometry."""
        return self.elements if self.valences is None else (*self.elements, "O")

    def weights(self, net: np.ndarray, error: np.ndarray | float = 0.0) -> np.ndarray:
        """Return the weight fractions, (..., N); all 0 where nothing was counted.

        Parameters
        ----------
        net : (..., E) array
            Net counts, not negative.
        error : (..., E) array
            Error of ln k.
        """
        masses = np.maximum(net, 0) * self.k * np.exp(error)
        weights = self._normalised(masses)
        if self.absorber is None:
            return weights
        leaves = np.ones_like(masses)
        for _ in range(_MOST_STEPS):
            thickness = self._mass_thickness(masses / leaves)
            leaves = self.absorber.transmission(weights, thickness)
            better = self._normalised(masses / leaves)
            moved = np.abs(better - weights).max(initial=0)
            weights = better
            if moved < _CLOSE:
                break
        return weights

    def atoms(self, net: np.ndarray, error: np.ndarray | float = 0.0) -> np.ndarray:
        """Return the atomic fractions, (..., N)."""
        return atomic_fractions(self.weights(net, error), self.all_elements)

    def thickness(self, net: np.ndarray, error: np.ndarray | float = 0.0) -> np.ndarray | None:
        """Return the mass thickness in g/cm2 that zeta-factors give, (...); None without them."""
        if self.electrons is None:
            return None
        masses = np.maximum(net, 0) * self.k * np.exp(error)
        if self.absorber is not None:
            weights = self.weights(net, error)
            leaves = np.ones_like(masses)
            for _ in range(_MOST_STEPS):
                leaves = self.absorber.transmission(weights, self._mass_thickness(masses / leaves))
            masses = masses / leaves
        return np.asarray(self._mass_thickness(masses))

    def _mass_thickness(self, masses: np.ndarray) -> np.ndarray | float:
        if self.electrons is None:
            return self.mass_thickness or 0.0
        return self._with_oxygen(masses).sum(axis=-1) / self.electrons

    def _with_oxygen(self, masses: np.ndarray) -> np.ndarray:
        if self.valences is None:
            return masses
        atoms = masses / atomic_weights(self.elements)
        oxygen = (atoms @ self.valences) * atomic_weights(["O"])[0]
        return np.concatenate([masses, oxygen[..., None]], axis=-1)

    def _normalised(self, masses: np.ndarray) -> np.ndarray:
        whole = self._with_oxygen(masses)
        total = whole.sum(axis=-1, keepdims=True)
        return np.asarray(whole / np.where(total > 0, total, 1))


def absorber(
    lines: Sequence[str], elements: Sequence[str], beam_kev: float, detector: Detector, takeoff_deg: float
) -> Absorber:
    """Collect the lines and their attenuation.

    Parameters
    ----------
    lines : E str
        What is counted: families or groups.
    elements : N str
        What absorbs.
    """
    of_each = [recorded_lines(line, beam_kev, detector) for line in lines]
    energies = np.concatenate([energy for energy, _ in of_each])
    photons = np.zeros((len(lines), energies.size))
    start = 0
    for row, (energy, shares) in enumerate(of_each):
        photons[row, start : start + energy.size] = shares
        start += energy.size
    table = np.stack([attenuation({element: 1.0}, energies) for element in elements], axis=1)
    return Absorber(photons, table, takeoff_deg)


def atomic_weights(elements: Sequence[str]) -> np.ndarray:
    """Return the atomic weight of each element."""
    return np.array([xraylib.AtomicWeight(atomic_number(element)) for element in elements])


def atomic_fractions(weights: np.ndarray, elements: Sequence[str]) -> np.ndarray:
    """Turn weight fractions (..., N) into atomic ones."""
    atoms = weights / atomic_weights(elements)
    total = atoms.sum(axis=-1, keepdims=True)
    return np.asarray(atoms / np.where(total > 0, total, 1))
