"""Show what one would have to believe to narrow the feasible ranges: a ladder of assumptions and their ranges."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bayesunmix.analysis.assumptions import Assumption, Owns, PureAreas
from bayesunmix.analysis.contradictions import are_contradictions
from bayesunmix.analysis.identification import Identified, identify
from bayesunmix.data.display.words import say_not_converged
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing

AREAS = (4, 16, 64)  # pixels


@dataclass(frozen=True, eq=False)
class Ladder:
    """Hold the steps of a ladder; `print` shows them as a table.

    Parameters
    ----------
    names : tuple of K str
        Of the components.
    steps : tuple of Identified
        The ranges under the assumptions of each step (`Identified.assumptions`), the first one under none.
    doubt : str
        "not converged" and why, where the result did not.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> steps = bu.ladder(result, image, [[bu.PureAreas(4)]]).steps
    >>> steps[1].assumptions
    ('every phase has a pure area of at least 4 pixels',)
    """

    names: tuple[str, ...]
    steps: tuple[Identified, ...]
    doubt: str = ""

    def table(self) -> str:
        """Return the range of each component's fraction of the counts at each step, as plain text."""
        rows = [("assuming", *self.names)]
        for step in self.steps:
            said = " and ".join(step.assumptions) or "nothing"
            contradicted = bool(are_contradictions(step.warnings))
            ranges = [f"{low:.3f} to {high:.3f}" for low, high in zip(*step.overall, strict=True)]
            rows.append((said, *(["contradicted"] * len(ranges) if contradicted else ranges)))
        width = [max(map(len, column)) for column in zip(*rows, strict=True)]
        laid = ["  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)) for row in rows]
        return "\n".join([*filter(None, [self.doubt]), *(line.rstrip() for line in laid)])

    __repr__ = table


def ladder(
    result: Unmixing,
    image: SpectrumImage,
    steps: Sequence[Sequence[Assumption]] | None = None,
    *,
    seed: int = 0,
) -> Ladder:
    """Find the feasible ranges under nothing, and under each of several assumptions.

    Parameters
    ----------
    result : Unmixing
        A result without negative values.
    image : SpectrumImage
        The image that was unmixed.
    steps : sequence of sequences of PureAreas, Owns or Reference, optional
        Where not given: pure areas of 4, 16 and 64 pixels, and each element that one component alone is named by.
    seed : int
        The same seed gives the same ranges.

    Returns
    -------
    Ladder

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> print(bu.ladder(result, image, [[bu.PureAreas(4)]]).table().splitlines()[0].split()[0])
    assuming
    """
    chosen = _usual(result, image) if steps is None else steps
    found = [identify(result, image, assume=tuple(step), seed=seed) for step in ((), *chosen)]
    return Ladder(result.names, tuple(found), say_not_converged(result.info))


def _usual(result: Unmixing, image: SpectrumImage) -> list[list[Assumption]]:
    n_axes = len(image.navigation_shape)
    areas: list[list[Assumption]] = [
        [PureAreas(n)] for n in AREAS if n ** (1 / n_axes) <= min(image.navigation_shape)
    ]
    if not image.spectral_axis.is_xray:
        return areas
    elements = [
        [part for part in re.split("[- ]", name) if re.fullmatch("[A-Z][a-z]?", part)]
        for name in result.names
    ]
    steps = list(areas)
    for k, own in enumerate(elements):
        others = [element for j, of in enumerate(elements) if j != k for element in of]
        alone = [element for element in own if element not in others]
        if alone:
            steps.append([Owns(k, alone[0])])
    return steps
