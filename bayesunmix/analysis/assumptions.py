r"""Assumptions that narrow the feasible range: what one has to believe for a sharper answer.

Counts leave a set of rotations T open (`bayesunmix.identify`). An assumption keeps those under which it holds within
the noise of the counts:

- `PureAreas`: for every component k there is a square area whose counts of all other components,
  :math:`\sum_{j \ne k} (a T^{-1})_j`, are no more than noise. Every area of that size is looked at.
- `Owns`: the net counts of an element's lines in the spectrum of every other component, :math:`(T E)_j \cdot y`, are no
  more than noise. They are a linear fit y of lines and continuum to a spectrum.
- `Reference`: the spectrum of a component is given, which fixes its row of T.

If no rotation is left, the counts contradict the assumption.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter

from bayesunmix.analysis.feasible_evidence import Constraint, estimator
from bayesunmix.analysis.references import reference_row
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.spectra.element_search import find_elements
from bayesunmix.spectra.line_model import fit_lines, inverse_noise
from bayesunmix.spectra.recognition import NOISE_BELOW_KEV

WITHIN_NOISE = 2.0  # standard deviations, one-sided


@dataclass(frozen=True)
class PureAreas:
    """Assume that every phase has a pure area of at least `n_pixels` pixels: a square, wherever it lies.

    Parameters
    ----------
    n_pixels : int
        At least 1. In a line scan it is a length, in three dimensions a volume. The largest square that has no more
        pixels is looked for: 9 pixels for 9 to 15.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> str(bu.PureAreas(9))
    'every phase has a pure area of at least 9 pixels'
    """

    n_pixels: int

    def __post_init__(self) -> None:
        if (
            isinstance(self.n_pixels, bool)
            or not isinstance(self.n_pixels, int | np.integer)
            or self.n_pixels < 1
        ):
            raise ValueError(
                f"n_pixels must be a whole number, at least 1, got {self.n_pixels!r}; for example 9"
            )

    def __str__(self) -> str:
        return f"every phase has a pure area of at least {self.n_pixels} pixels"


@dataclass(frozen=True)
class Owns:
    """Assume that one component owns an element: no other component has it.

    Parameters
    ----------
    component : int or str
        Its number or name.
    element : str
        A symbol, such as "Ca", whose lines are on the energy axis.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> str(bu.Owns(1, "Pt"))
    'only component 1 has Pt'
    """

    component: int | str
    element: str

    def __str__(self) -> str:
        return f"only {_called(self.component)} has {self.element}"


@dataclass(frozen=True, eq=False)
class Reference:
    """Assume that the spectrum of a component is a given one, such as that of a standard.

    Parameters
    ----------
    component : int or str
        Its number or name.
    spectrum : (C,) array
        On the channels of the image, not negative. Its height does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> str(bu.Reference(0, np.ones(4)))
    'the spectrum of component 0 is the given one'
    """

    component: int | str
    spectrum: np.ndarray

    def __str__(self) -> str:
        return f"the spectrum of {_called(self.component)} is the given one"


Assumption = PureAreas | Owns | Reference


class Assumed(NamedTuple):
    """What assumptions ask of a rotation: constraints, and rows of T that they fix (a row of NaN is free)."""

    constraints: tuple[Constraint, ...]
    rows: np.ndarray


def assumed(
    assume: Sequence[Assumption],
    estimate: Factorization,
    image: SpectrumImage,
    names: Sequence[str],
    amounts: np.ndarray,
) -> Assumed:
    """Turn assumptions into constraints on rotations of an estimate.

    Parameters
    ----------
    assume : sequence of Assumption
    estimate : Factorization
    image : SpectrumImage
    names : K str
    amounts : (P, K) array
        Linear estimates of abundance (`bayesunmix.analysis.feasible_evidence.estimator`).

    Raises
    ------
    TypeError, ValueError
        If one names no component, or does not suit the image.
    """
    constraints: list[Constraint] = []
    rows = np.full((len(names), len(names)), np.nan)
    _require_one_reference_each(assume, names)
    for one in assume:
        if isinstance(one, PureAreas):
            constraints.append(_pure_areas(one, estimate, image, amounts))
        elif isinstance(one, Owns):
            constraints.append(_owned(one, component_number(one.component, names), estimate, image))
        else:
            rows[component_number(one.component, names)] = reference_row(one.spectrum, estimate, image)
    return Assumed(tuple(constraints), rows)


def listed(assume: Any) -> tuple[Assumption, ...]:
    """Return one or several assumptions as a tuple; raise `TypeError` if one is something else."""
    several = isinstance(assume, Iterable) and not isinstance(assume, str)
    found = tuple(assume) if several else (assume,)
    for one in found:
        if not isinstance(one, Assumption):
            raise TypeError(
                f"assume must hold PureAreas, Owns or Reference, got {one!r}; for example [bayesunmix.PureAreas(9)]"
            )
    return found


def _require_one_reference_each(assume: Sequence[Assumption], names: Sequence[str]) -> None:
    given = [component_number(one.component, names) for one in assume if isinstance(one, Reference)]
    for k in given:
        if given.count(k) > 1:
            raise ValueError(
                f"a component must have at most one reference spectrum, got {given.count(k)} for {names[k]}; leave "
                "out all but one"
            )


def _called(component: int | str) -> str:
    return component if isinstance(component, str) else f"component {component}"


def component_number(component: int | str, names: Sequence[str], asked: str = "an assumption") -> int:
    """Return the number of a component that is given by its number, its name, or as "component 0"."""
    known = {**{f"component {k}": k for k in range(len(names))}, **{name: k for k, name in enumerate(names)}}
    number = -1
    if isinstance(component, str):
        number = known.get(component, -1)
    elif isinstance(component, int | np.integer) and not isinstance(component, bool):
        number = int(component)
    if not 0 <= number < len(names):
        raise ValueError(
            f"{asked} must name a component, got {component!r}; choose a number from 0 to {len(names) - 1}, or "
            f"one of {', '.join(names)}"
        )
    return number


def _pure_areas(
    one: PureAreas, estimate: Factorization, image: SpectrumImage, amounts: np.ndarray
) -> Constraint:
    shape = image.navigation_shape
    side = int(one.n_pixels ** (1 / len(shape)) + 1e-9)  # rounded down: no more is asked than is believed
    if any(side > length for length in shape):
        raise ValueError(
            f"an area of {one.n_pixels} pixels must fit into the image, {' x '.join(map(str, shape))} pixels; choose a "
            "smaller one"
        )
    inside = tuple(slice(side // 2, length - (side - 1) // 2) for length in shape)

    def summed(values: np.ndarray) -> np.ndarray:
        """Sum (P, n) values over every square that lies inside the image."""
        maps = values.reshape(*shape, -1).astype(np.float64)
        sums = uniform_filter(maps, (*(side,) * len(shape), 1), mode="constant") * side ** len(shape)
        return np.asarray(sums[inside].reshape(-1, values.shape[1]))

    solve = estimator(estimate.endmembers, image.sum_spectrum())
    n_components = len(solve)
    products = (solve[:, None] * solve[None]).reshape(n_components**2, -1)
    areas = summed(amounts)
    covariance = summed(image.counts @ products.T).reshape(-1, n_components, n_components)
    counts = summed(np.asarray(image.counts.sum(axis=1), np.float64).reshape(-1, 1))[:, 0]
    unmasked = summed(image.takes_part.reshape(-1, 1))[:, 0] > side ** len(shape) - 0.5
    bright = unmasked & (counts >= np.median(counts[unmasked]) / 2) if unmasked.any() else unmasked
    areas, covariance = areas[bright], covariance[bright]
    if not len(areas):
        raise ValueError(f"no area of {one.n_pixels} pixels is free of masked pixels; choose a smaller one")
    total = areas.sum(axis=1)

    def constraint(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        back = np.linalg.inv(rotation)
        turned = areas @ back
        others = total[:, None] - turned
        # The others' counts are a linear function of the amounts: ones minus a column of the inverse.
        function = 1 - back
        variance = np.einsum("ik,nij,jk->nk", function, covariance, function, optimize=True)
        score = others / (WITHIN_NOISE * np.sqrt(np.maximum(variance, 1e-12)))
        purest = score.argmin(axis=0)
        values, slopes = np.zeros(n_components), np.zeros((n_components, n_components, n_components))
        for k, s in enumerate(purest):
            error = WITHIN_NOISE * np.sqrt(max(variance[s, k], 1e-12))
            excess = max(score[s, k], 0.0)
            values[k] = excess**2
            slopes[k] = 2 * excess / error * np.outer(turned[s], back[:, k])
        return values, slopes

    return constraint


def _owned(one: Owns, owner: int, estimate: Factorization, image: SpectrumImage) -> Constraint:
    image.spectral_axis.require_xray()
    first = int(np.searchsorted(image.energy_kev, NOISE_BELOW_KEV))
    energy_kev, spectrum = image.energy_kev[first:], image.sum_spectrum()[first:].astype(np.float64)
    elements = dict.fromkeys([*find_elements(energy_kev, spectrum).reasons, one.element])
    model = fit_lines(energy_kev, spectrum, tuple(elements))
    lines = [i for i, name in enumerate(model.names) if name.partition("_")[0] == one.element]
    if not lines:
        raise ValueError(f"{one.element} has no lines on the energy axis; assume another element")
    weights = inverse_noise(energy_kev, spectrum)
    curves = np.concatenate([model.spectra, model.background]) * weights
    # Net counts of the lines as a linear function of a spectrum: least squares.
    function = np.zeros(len(image.energy_kev))
    function[first:] = np.linalg.pinv(curves.T)[lines].sum(axis=0) * weights
    net = estimate.endmembers @ function
    squared = estimate.endmembers @ function**2
    photons = np.maximum(estimate.abundances.sum(axis=0), 1)
    others = [j for j in range(len(net)) if j != owner]

    def constraint(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = np.zeros(len(others)), np.zeros((len(others), *rotation.shape))
        for i, j in enumerate(others):
            error = WITHIN_NOISE * np.sqrt(max(rotation[j] @ squared, 1e-12) / photons[j])
            excess = max(float(rotation[j] @ net), 0.0) / error
            values[i] = excess**2
            of_error = WITHIN_NOISE**2 * squared / photons[j] / (2 * error)
            slopes[i, j] = 2 * excess / error * (net - excess * of_error)
        return values, slopes

    return constraint
