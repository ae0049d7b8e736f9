r"""State the Gamma-Poisson model for NumPyro, and sample it by NUTS [1]_.

NUTS samples logarithms of abundances and of endmembers (or of the weights they are mixed with). There the posterior of
a few counts is nearly normal, and its curvature is about the number of counts, which the mass matrix starts from.
The logarithms :math:`\theta` of an endmember also contain its sum, which has no meaning. With

.. math:: p(\theta) \propto \prod_c e_c^\alpha \; \mathrm{Normal}(\log \textstyle\sum_c \exp \theta_c; 0, 1/N),
   \quad e = \mathrm{softmax}(\theta),

e is Dirichlet(:math:`\alpha`), and the sum gets the curvature of its N counts, so that it is as easy to sample as the
rest. The likelihood is taken relative to that of the start, so that float32 keeps its digits.

Where endmembers are mixtures of line families and continuum (`bayesunmix.spectra.line_shapes`), parameters are few and
correlated, and the mass matrix is the inverse curvature at the start. Offset, gain and width are sampled too where they
are free, with the priors of `bayesunmix.spectra.line_model`.

References
----------
.. [1] M. D. Hoffman and A. Gelman, "The no-U-turn sampler", J. Mach. Learn. Res. 15, 1593 (2014); D. Phan, N. Pradhan
   and M. Jankowiak, "Composable effects for flexible and accelerated probabilistic programming in NumPyro",
   arXiv:1912.11554 (2019).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import polygamma

from bayesunmix.engine.device.events import LEAST_RATE
from bayesunmix.engine.sampling.gamma_poisson import Prior
from bayesunmix.engine.sampling.joint import FEWEST_DRAWS
from bayesunmix.running.progress import track
from bayesunmix.spectra.line_model import PRIOR_SD, START
from bayesunmix.spectra.line_shapes import DetectorCalibration, LineShapes

MOST_TREE_DEPTH = 8
LEAST_CURVATURE = 1e-3  # of a matrix with unit diagonal
PIECE = 25  # steps between two looks at the keyboard


class Free(NamedTuple):
    """Hold the line families that endmembers are mixtures of, their calibration, and which parts of it are free."""

    shapes: LineShapes
    fitted: DetectorCalibration
    names: tuple[str, ...]


class Chains(NamedTuple):
    """Hold what NUTS drew.

    Attributes
    ----------
    abundances : (chain, draw, B, K) array
    endmembers : (chain, draw, K, C) array
    statistics : dict of (chain, draw) arrays
        The log-likelihood, and the free calibration parameters.
    divergent, steps : (chain, draw) arrays
        True for trajectories that diverged; number of gradients of each trajectory.
    interrupted : bool
        True if there are fewer draws than wanted.
    """

    abundances: np.ndarray
    endmembers: np.ndarray
    statistics: dict[str, np.ndarray]
    divergent: np.ndarray
    steps: np.ndarray
    interrupted: bool


def gamma_poisson(counts: Array, reference: Array, events: Array, prior: Prior, free: Free | None) -> None:
    """State the model for NumPyro.

    Parameters
    ----------
    counts : (B, C) array
    reference : (B, C) array
        Expected counts that the log-likelihood is relative to.
    events : (K,) array
        Approximate counts of each component.
    prior : Prior
    free : Free, optional
    """
    import numpyro
    from numpyro import distributions as dist

    (n_pixels, n_channels), n_components = counts.shape, len(events)
    n_curves = n_channels if free is None else free.shapes.family.shape[0] + free.shapes.curves.shape[0]
    abundances = numpyro.sample(
        "abundances", dist.Gamma(prior.shape, prior.rate).expand([n_pixels, n_components]).to_event(2)
    )
    flat = dist.ImproperUniform(dist.constraints.real, (), (n_components, n_curves))
    logs = numpyro.sample("logs", flat)
    sums, shares = jax.nn.logsumexp(logs, axis=1), jax.nn.log_softmax(logs, axis=1)
    numpyro.factor("dirichlet", prior.concentration * shares.sum() - 0.5 * (events * sums**2).sum())
    endmembers = jnp.exp(shares)
    if free is not None:
        moved = {name: numpyro.sample(name, calibration_prior(name)) for name in free.names}
        endmembers = endmembers @ free.shapes.spectra(free.fitted._replace(**moved))
    numpyro.deterministic("endmembers", endmembers)
    rate = jnp.matmul(abundances, endmembers, precision="highest")
    ratio = jnp.log(jnp.maximum(rate, LEAST_RATE) / reference)
    relative = (counts * ratio).sum(axis=1) - (rate - reference).sum(axis=1)
    numpyro.deterministic("log_likelihood", relative.sum())
    numpyro.factor("counts", relative.sum())


def calibration_prior(name: str) -> Any:
    """Return the distribution of offset_kev, gain, or width."""
    from numpyro import distributions as dist

    if name == "width":
        return dist.LogNormal(0.0, PRIOR_SD[2])
    which = ("offset_kev", "gain").index(name)
    return dist.Normal(START[which], PRIOR_SD[which])


def sample_by_nuts(
    counts: np.ndarray,
    starts: list[tuple[np.ndarray, np.ndarray]],
    prior: Prior,
    *,
    free: Free | None,
    n_warmup: int,
    n_draws: int,
    key: Array,
) -> Chains:
    """Run a chain from each start, side by side.

    Parameters
    ----------
    counts : (B, C) array
    starts : list of (abundances (B, K), weights (K, C) or (K, curves))
        Weights sum to one. The components of all starts have the same order.
    prior : Prior
    free : Free, optional
        Line families of the endmembers; None for blind endmembers.
    n_warmup, n_draws : int
    key : JAX key

    Raises
    ------
    KeyboardInterrupt
        If it comes before there are `FEWEST_DRAWS` draws.
    """
    from numpyro.infer import NUTS

    abundances, weights = (np.stack(part) for part in zip(*starts, strict=True))
    events = abundances.sum(axis=1)
    by_curve = prior.concentration + events[:, :, None] * weights
    weights = by_curve / by_curve.sum(axis=2, keepdims=True)
    abundances = (prior.shape + abundances) / (prior.rate + 1)
    at: dict[str, np.ndarray] = {"abundances": np.log(abundances), "logs": np.log(weights)}
    # Variance of the logarithm of a Gamma variate with as many counts.
    variance = {
        "abundances": polygamma(1, prior.shape + abundances[0]),
        "logs": polygamma(1, by_curve[0]),
    }
    spectra = weights
    if free is not None:
        spectra = weights @ np.asarray(free.shapes.spectra(free.fitted), np.float64)
        for name in free.names:
            begin = getattr(free.fitted, name)
            at[name] = np.full(len(starts), np.log(begin) if name == "width" else begin)
    reference = np.maximum(abundances[0] @ spectra[0], LEAST_RATE)
    arrays = tuple(jnp.asarray(part, jnp.float32) for part in (counts, reference, events[0]))
    begin = {name: jnp.asarray(value, jnp.float32) for name, value in at.items()}
    first = {name: value[0] for name, value in begin.items()}
    arguments = (*arrays, prior, free)
    if free is None:  # NumPyro lays the parameters of a diagonal mass matrix out by name
        mass = np.concatenate([variance[name].ravel() for name in sorted(variance)])
    else:
        mass = _covariance(first, arguments)
    kernel = NUTS(
        gamma_poisson,
        inverse_mass_matrix=jnp.asarray(mass, jnp.float32),
        dense_mass=free is not None,
        adapt_mass_matrix=free is None,
        max_tree_depth=MOST_TREE_DEPTH,
    )
    keys = jax.random.split(key, len(starts))
    state = kernel.init(keys, n_warmup, init_params=begin, model_args=arguments)
    of_walk = jax.vmap(kernel.postprocess_fn(arguments, {}))

    @jax.jit
    def advance(state: Any) -> tuple[Any, dict[str, Array]]:
        def step(state: Any, _: None) -> tuple[Any, dict[str, Array]]:
            state = kernel.sample(state, arguments, {})
            return state, of_walk(state.z) | {"divergent": state.diverging, "steps": state.num_steps}

        return jax.lax.scan(step, state, None, length=PIECE)

    pieces: list[dict[str, np.ndarray]] = []
    n_steps, interrupted = n_warmup + n_draws, False
    try:
        for _ in track(range(-(-n_steps // PIECE)), "NUTS"):
            state, found = advance(state)
            pieces.append({name: np.asarray(values) for name, values in found.items()})
    except KeyboardInterrupt:
        interrupted = True
        if len(pieces) * PIECE < n_warmup + FEWEST_DRAWS:
            raise
    drawn = {
        name: np.moveaxis(np.concatenate([piece[name] for piece in pieces])[n_warmup:n_steps], 0, 1)
        for name in pieces[0]
    }
    statistics = {"log_likelihood": np.asarray(drawn["log_likelihood"], np.float64)}
    statistics |= {name: np.asarray(drawn[name], np.float64) for name in (free.names if free else ())}
    return Chains(
        drawn["abundances"],
        drawn["endmembers"],
        statistics,
        drawn["divergent"],
        drawn["steps"],
        interrupted,
    )


def _covariance(at: dict[str, Array], arguments: tuple) -> np.ndarray:
    """Return the inverse curvature of the log-posterior, for the few correlated parameters of line families."""
    from jax.flatten_util import ravel_pytree
    from numpyro.infer.util import potential_energy

    flat, unravel = ravel_pytree(at)

    @jax.jit
    def curvature(point: Array) -> Array:
        slope = jax.grad(lambda v: potential_energy(gamma_poisson, arguments, {}, unravel(v)))
        return jax.lax.map(lambda direction: jax.jvp(slope, (point,), (direction,))[1], jnp.eye(point.size))

    hessian = np.asarray(curvature(flat), np.float64)
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), LEAST_RATE))
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2 * np.outer(scale, scale))
    inverse = (vectors / np.maximum(np.abs(values), LEAST_CURVATURE)) @ vectors.T
    return inverse * np.outer(scale, scale)
