"""Spectra are known: one component for each line family, and for each of a few curves that make up the continuum.

Use it where phases are not known: no component can rotate, and each is what its name says. The curves are those of the
method `elements` (`bayesunmix.spectra.line_model`). The sum spectrum fixes them and they are never drawn, so no
interval contains the uncertainty of their shape.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.spectra.fluorescence import continuum_warnings
from bayesunmix.spectra.recognition import recognise, require_symbols


@ENDMEMBER_MODELS.register("elements")
@dataclass(frozen=True)
class ElementSpectra:
    """Line families and continuum.

    Counts below 0.2 keV are one more component, "noise", if there are any.

    Parameters
    ----------
    elements : tuple of str, optional
        Chemical symbols. Where not given: those that the sum spectrum shows beyond doubt.
    n_continuum : int
        Curves that make up the continuum of a pixel.
    """

    finds_n_components: ClassVar[bool] = True
    elements: tuple[str, ...] | None = None
    n_continuum: int = 3

    def __post_init__(self) -> None:
        require_positive(self)
        if self.elements is not None:
            require_symbols("elements", self.elements)

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Fit the sum spectrum."""
        found = recognise(image.energy_kev, image.sum_spectrum(), self.elements)
        model = found.model
        names = [*model.names, *(f"continuum_{k}" for k in range(self.n_continuum))]
        families = (*model.names, *["continuum"] * self.n_continuum)
        spectra = found.all_channels(
            np.concatenate([model.spectra, model.continuum_shapes(self.n_continuum)])
        )
        if n_below := found.noise.sum():
            names, families = [*names, "noise"], (*families, "noise")
            spectra = np.vstack([spectra, found.noise / n_below])
        if n_components not in (None, len(names)):
            raise ValueError(
                f"n_components must be {len(names)} or not given, the number of {', '.join(names)}, got {n_components}"
            )
        given = jnp.asarray(spectra, jnp.float32)
        warnings = [*found.warnings, *continuum_warnings(image.spectral_axis.signal)]
        return Prepared(names, len(names), given, warnings, spectra, families, known=True)

    def start(self, given: jax.Array, endmembers: np.ndarray | None) -> tuple[jax.Array, tuple[()]]:
        """Return the known spectra."""
        return given, ()

    def draw(
        self, key: jax.Array, counts: jax.Array, given: jax.Array, learned: tuple[()]
    ) -> tuple[jax.Array, tuple[()]]:
        """Return the known spectra."""
        return given, learned
