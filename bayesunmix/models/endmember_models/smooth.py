"""Nothing is known of the spectra but that most neighbouring channels are alike: a multiscale prior in energy.

A detector spreads every line over ten channels and more, and a continuum has no lines. So the prior of a map along two
axes (`bayesunmix.engine.multiscale.rates`) suits a spectrum along one axis: each endmember splits its counts down a
pyramid of channels, evenly where it is flat. It is a blind model like `blind`, with less noise.
"""

from dataclasses import dataclass

import jax
import numpy as np

from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.engine.multiscale.rates import Pyramid
from bayesunmix.models.endmember_models._any_spectrum import draw_anywhere, start_anywhere


@ENDMEMBER_MODELS.register("smooth")
@dataclass(frozen=True)
class Smooth:
    """Any spectrum, smooth where it can be."""

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Prepare nothing, and require a number of components."""
        if n_components is None:
            raise ValueError(f"n_components must be given for smooth endmembers; {ASK_RANK}")
        return Prepared(None, n_components, (), [])

    def start(self, given: tuple[()], endmembers: np.ndarray | None) -> tuple[jax.Array, Pyramid]:
        """Return the point estimate. All kinds of split are equally likely at first."""
        return start_anywhere(endmembers, "smooth")

    def renew(self, key: jax.Array, learned: Pyramid) -> Pyramid:
        """Move the blocks of channels."""
        return learned.move(key)

    def draw(
        self, key: jax.Array, counts: jax.Array, given: tuple[()], learned: Pyramid
    ) -> tuple[jax.Array, Pyramid]:
        """Draw the rates of all channels, and scale them to sum one."""
        return draw_anywhere(key, counts, learned)
