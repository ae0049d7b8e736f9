"""The contract of an endmember model, and the registry that `endmember_models/` fills.

Given the component of every photon, the counts by component and channel are all that is known of the endmembers, and a
model says how they are drawn from it. A model is a frozen dataclass of settings without arrays; what belongs to an
image (line spectra, who owns them) is made by `prepare`. One that finds the number of components itself says so
like a method does (`bayesunmix.contracts.method.finds_n_components`). One that makes arbitrary choices has `renew`,
as an abundance prior may (`bayesunmix.contracts.abundance_prior`).
"""

from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.image import SpectrumImage


class Prepared(NamedTuple):
    """What a model made of an image.

    Attributes
    ----------
    names : list of str or None
        Of the components, where the model gives them names.
    n_components : int
    given : tree of arrays
        Passed to every draw.
    warnings : list of str
    spectra : (K, C) array, optional
        To start from, where the model knows better than a point estimate that knows nothing.
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
    """How endmembers are drawn, given counts."""

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Read off the image what does not change.

        Raises
        ------
        ValueError
            If the model and the number of components do not agree.
        """
        ...

    def start(self, given: Any, endmembers: np.ndarray | None) -> tuple[jax.Array, Any]:
        """Return endmembers (K, C) like those of a point estimate, and what is learned, before anything is."""
        ...

    def draw(self, key: jax.Array, counts: jax.Array, given: Any, learned: Any) -> tuple[jax.Array, Any]:
        """Draw endmembers (K, C), which sum to one, given counts (K, C), and then what is learned."""
        ...


ENDMEMBER_MODELS: Registry[type[EndmemberModel]] = Registry(
    "endmember model", "bayesunmix.models.endmember_models"
)
