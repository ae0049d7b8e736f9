"""Map the atomic fraction of each element, with an interval in each pixel."""

from dataclasses import dataclass

import numpy as np

from bayesunmix.analysis.family_shares import evenly_spaced, family_shares
from bayesunmix.data.draws import blocks, equal_tailed
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import Posterior
from bayesunmix.quantification.cliff_lorimer import Recipe
from bayesunmix.quantification.line_choice import Choice

_LEAST_NET = 1.0  # expected net counts; a pixel with fewer has no composition


@dataclass(frozen=True, eq=False)
class CompositionMaps:
    """Hold maps of atomic fractions, of the image's navigation shape and then the elements.

    Parameters
    ----------
    elements : N str
    mean, lower, upper : (..., N) array
        Posterior mean and ends of the interval from counting and the endmembers; NaN in pixels with less than one net
        count. The error of the k-factors is the same in all pixels and is left out, and so is the feasible range,
        which does not change what a pixel is made of.
    """

    elements: tuple[str, ...]
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def __getitem__(self, element: str) -> np.ndarray:
        if element not in self.elements:
            raise KeyError(f"{element!r} was not quantified; there are {', '.join(self.elements)}")
        return np.asarray(self.mean[..., self.elements.index(element)])


def composition_maps(
    posterior: Posterior, image: SpectrumImage, choice: Choice, recipe: Recipe, level: float
) -> CompositionMaps:
    """Map the atomic fractions of the elements.

    Parameters
    ----------
    posterior : Posterior
    image : SpectrumImage
    choice : Choice
    recipe : Recipe
        Of one pixel.
    level : float
        Probability of the interval in each pixel.
    """
    photons = np.asarray(posterior.mean().abundances.sum(axis=0), np.float64)
    paired = posterior.paired_endmembers()
    drawn = evenly_spaced(paired)[:, :, choice.first :]
    shares = family_shares(choice.model, image.energy_kev[choice.first :], drawn, photons)[
        :, :, choice.places
    ]
    n_draws = paired.shape[0] * paired.shape[1]
    of_draw = np.arange(n_draws) * len(drawn) // n_draws
    elements = recipe.all_elements
    maps = np.full((3, image.n_pixels, len(elements)), np.nan)
    for pixels, abundances in blocks(posterior.abundances):
        net = np.einsum("dbk,dke->dbe", abundances, shares[of_draw])
        atoms = recipe.atoms(net)
        maps[:, pixels] = atoms.mean(axis=0), *equal_tailed(atoms, level)
        maps[:, pixels[net.sum(axis=2).mean(axis=0) < _LEAST_NET]] = np.nan
    maps[:, ~image.takes_part] = np.nan
    mean, lower, upper = maps.reshape(3, *image.navigation_shape, len(elements))
    return CompositionMaps(elements, mean, lower, upper)
