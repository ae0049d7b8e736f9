"""Draw spectra of which nothing is known but that most neighbouring channels are alike (see `smooth`)."""

import jax
import jax.numpy as jnp
import numpy as np

from bayesunmix.engine.multiscale.rates import Pyramid, draw_rates, first_pyramid


def start_anywhere(endmembers: np.ndarray | None, described: str) -> tuple[jax.Array, Pyramid]:
    """Return the point estimate. All kinds of split are equally likely at first."""
    if endmembers is None:
        raise ValueError(f"{described} endmembers start from a point estimate, got none")
    n_components, n_channels = endmembers.shape
    # States that depend on parents made spectra no more accurate, and cost effective draws.
    return jnp.asarray(endmembers, jnp.float32), first_pyramid((n_channels,), n_components, handed_down=False)


def draw_anywhere(key: jax.Array, counts: jax.Array, learned: Pyramid) -> tuple[jax.Array, Pyramid]:
    """Draw the rates of all channels, and scale them to sum one."""
    exposure = jnp.ones(counts.shape[1], jnp.float32)
    rates, learned = draw_rates(key, counts.astype(jnp.float32), exposure, learned)
    return rates / rates.sum(axis=1, keepdims=True), learned
