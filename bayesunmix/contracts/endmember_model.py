"""Define what an endmember model must do, and the registry that `models/endmember_models/` fills.

The sampler assigns every photon to a component. The counts by component and channel are then all that the data say
about the endmembers, and the model draws the endmembers from them. A model is a frozen dataclass of settings without
arrays; `prepare` makes what belongs to an image, such as the spectra of lines and which phase owns them.

A model that chooses the number of components itself says so by ``finds_n_components``, as a method does. A model that
contains an arbitrary choice implements `renew`, as an abundance prior may (`bayesunmix.contracts.abundance_prior`).
A model that may leave chains in different solutions names by ``instead`` the model that `bayes` then takes.
"""

from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.image import SpectrumImage


class Prepared(NamedTuple):
    """Hold what a model prepared from an image.

    Attributes
    ----------
    names : list of str or None
        Names of the components, where the model has any.
    n_components : int
    given : tree of arrays
        Passed on to every draw.
    warnings : list of str
    spectra : (K, C) array, optional
        Spectra to start from, where the model knows some.
    families : tuple of str
        The line family that each component is, "continuum" for its curves; from a model of line families.
    known : bool
        Whether the spectra are given, and are not drawn.
    unique : tuple of bool
        Whether no rotation can change a component, one entry each; none for: all may be changed.
    """

    names: list[str] | None
    n_components: int
    given: Any
    warnings: list[str]
    spectra: np.ndarray | None = None
    families: tuple[str, ...] = ()
    known: bool = False
    unique: tuple[bool, ...] = ()

    def of_components(self) -> dict[str, Any]:
        """Names, known and unique, one entry a component, as `Unmixing` takes them."""
        return {
            "names": tuple(self.names or ()),
            "known": (self.known,) * self.n_components,
            "unique": self.unique,
        }


class EndmemberModel(Protocol):
    """Draw endmembers, given the counts of each component."""

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Derive from the image what stays the same in all draws.

        Raises
        ------
        ValueError
            If the model and the number of components do not agree.
        """
        ...

    def start(self, given: Any, endmembers: np.ndarray | None) -> tuple[jax.Array, Any]:
        """Return the endmembers (K, C) to start from, and the initial state of what is learned."""
        ...

    def draw(self, key: jax.Array, counts: jax.Array, given: Any, learned: Any) -> tuple[jax.Array, Any]:
        """Draw endmembers (K, C), which sum to one, given counts (K, C); then update what is learned."""
        ...


ENDMEMBER_MODELS: Registry[type[EndmemberModel]] = Registry(
    "endmember model", "bayesunmix.models.endmember_models"
)
