r"""Nothing is known of the spectra: :math:`e_k \sim \mathrm{Dirichlet}(\text{concentration})`, channel by channel.

Always look at the feasible range too (`bayesunmix.identify`): other spectra may explain the counts as well.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, Prepared
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.engine.device.gamma import log_gamma_variates


@ENDMEMBER_MODELS.register("blind")
@dataclass(frozen=True)
class Blind:
    """Any spectrum.

    Parameters
    ----------
    concentration : float
        Dirichlet concentration of each channel.
    """

    concentration: float = 0.5

    def prepare(self, image: SpectrumImage, n_components: int | None) -> Prepared:
        """Prepare nothing, and require a number of components."""
        if n_components is None:
            raise ValueError(f"n_components must be given for blind endmembers; {ASK_RANK}")
        return Prepared(None, n_components, (), [])

    def start(self, given: tuple[()], endmembers: np.ndarray | None) -> tuple[jax.Array, tuple[()]]:
        """Return the point estimate."""
        if endmembers is None:
            raise ValueError("blind endmembers start from a point estimate, got none")
        return jnp.asarray(endmembers, jnp.float32), ()

    def draw(
        self, key: jax.Array, counts: jax.Array, given: tuple[()], learned: tuple[()]
    ) -> tuple[jax.Array, tuple[()]]:
        """Draw from the Dirichlet posterior."""
        log_spectra = log_gamma_variates(key, counts.astype(jnp.float32) + self.concentration)
        return jax.nn.softmax(log_spectra, axis=1), learned
