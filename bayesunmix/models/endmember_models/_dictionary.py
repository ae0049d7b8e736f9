r"""Draw spectra that are mixtures of line families and a continuum, and the calibration of the lines.

.. math:: e_k = (1 - b_k) \sum_j w_{kj} F_j(\theta) + b_k \sum_m v_m C_m

F are recorded line families at a calibration theta (`bayesunmix.spectra.calibration_slopes`), C smooth curves. The
priors of w_k and v are Dirichlet, that of b_k Beta, and that of theta normal about what fits the sum spectrum. All but
theta are conjugate once it is drawn whether each photon belongs to a family or to a curve. Theta moves by Metropolis
steps as long as its standard deviation given the sum spectrum.
"""

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bayesunmix.data.image import SpectrumImage
from bayesunmix.engine.device.events import LEAST_RATE
from bayesunmix.engine.device.gamma import log_gamma_variates
from bayesunmix.spectra.calibration_slopes import N_CALIBRATION, CalibrationSlopes, calibration_slopes
from bayesunmix.spectra.line_model import LineModel, amplitudes, inverse_noise
from bayesunmix.spectra.recognition import Recognised

LEAST_OF_CURVE = 1e-8  # of a curve in every channel, so that every photon has a possible origin
LEAST_SHARE = 1e-3  # least fraction of a family or curve to start from
_STEPS = (
    0.3,
    1.0,
    3.0,
)  # of the calibration, in standard deviations given the sum spectrum; one is picked each time


class Shares(NamedTuple):
    """Hold fractions: families in the lines of a phase (K, F), lines and continuum in a phase (K, 2), curves (1, M)."""

    families: Array
    continuum: Array
    curves: Array


class CalibratedShares(NamedTuple):
    """Hold the same, and a calibration.

    `calibration` holds by how many prior standard deviations offset, gain, both terms of FWHM^2 and the tail are moved
    from what fits the sum spectrum, (5,).
    """

    families: Array
    continuum: Array
    curves: Array
    calibration: Array


Fractions = TypeVar("Fractions", Shares, CalibratedShares)


class Moves(NamedTuple):
    """Hold how families change with the calibration, and its prior.

    `slopes` (4, K or 1, F, C), `tail` (K or 1, F, C), `centre`, `least` and `most` (5,) are those of
    `bayesunmix.spectra.calibration_slopes`. `scale` (5, 5) is a Cholesky factor of the covariance of the calibration
    given the sum spectrum.
    """

    slopes: Array
    tail: Array
    centre: Array
    least: Array
    most: Array
    scale: Array


class Given(NamedTuple):
    """Hold the families of each phase (K, F, C), which of them are real (K, F), curves (M, C), and a start.

    The calibration is fixed.
    """

    families: Array
    owned: Array
    curves: Array
    start: Shares


class Calibrated(NamedTuple):
    """Hold the same, and how the families move with the calibration, which is drawn.

    Families that are the same for all phases are (1, F, C).
    """

    families: Array
    owned: Array
    curves: Array
    start: CalibratedShares
    moves: Moves


def dictionary(found: Recognised, image: SpectrumImage, owns: np.ndarray) -> Calibrated:
    """Arrange the families (J, C) by phase, and read the first fractions off the sum spectrum.

    Parameters
    ----------
    found : Recognised
        With at least one family.
    image : SpectrumImage
    owns : (K, J) array of bool
        The families of each phase. Where all own all, the families are stored once.
    """
    model, used = found.model, image.sum_spectrum()[found.first :].astype(np.float64)
    weights = inverse_noise(image.energy_kev[found.first :], used)
    size = amplitudes(np.concatenate([model.spectra, model.background]), used, weights)
    in_lines, in_curves = np.split(size, [len(model.spectra)])
    curves = found.all_channels(model.background)
    if n_below := found.noise.sum():
        curves = np.vstack([curves, found.noise / n_below])
        in_curves = np.append(in_curves, n_below)
    curves = np.maximum(curves, LEAST_OF_CURVE)
    order = np.argsort(~owns, axis=1, kind="stable")[:, : owns.sum(axis=1).max()]
    owned = np.take_along_axis(owns, order, axis=1)
    stored = order[:1] if owns.all() else order
    real = owned[: len(stored), :, None]
    families = found.all_channels(model.spectra)[stored] * real
    of_axis = calibration_slopes(image.energy_kev[found.first :], model)

    def of_families(curves: np.ndarray) -> Array:
        return _float32(found.all_channels(curves)[stored] * real)

    of_lines = np.where(owned, in_lines[order] + LEAST_SHARE * used.sum(), 0)
    of_curves = in_curves + LEAST_SHARE * used.sum()
    share = of_curves.sum() / (of_curves.sum() + in_lines.sum())
    start = CalibratedShares(
        _float32(of_lines / of_lines.sum(axis=1, keepdims=True)),
        _float32(np.tile([1 - share, share], (len(owns), 1))),
        _float32(of_curves[None] / of_curves.sum()),
        jnp.zeros(N_CALIBRATION, jnp.float32),
    )
    curves /= curves.sum(axis=1, keepdims=True)
    moves = Moves(
        jnp.stack([of_families(slopes) for slopes in of_axis.slopes]),
        of_families(of_axis.tail),
        _float32(of_axis.centre),
        _float32(of_axis.least),
        _float32(of_axis.most),
        _float32(_scale(of_axis, model, in_lines)),
    )
    return Calibrated(_float32(families), jnp.asarray(owned), _float32(curves), start, moves)


def _scale(of_axis: CalibrationSlopes, model: LineModel, in_lines: np.ndarray) -> np.ndarray:
    """Return a Cholesky factor of the covariance given a prior and counts of each line, whose amplitudes are fixed."""
    moved = np.concatenate(
        [np.einsum("j,jc,ijc->ic", in_lines, model.spectra, of_axis.slopes), (in_lines @ of_axis.tail)[None]]
    )
    return np.linalg.cholesky(
        np.linalg.inv(np.eye(len(moved)) + (moved / np.maximum(model.fitted, 1.0)) @ moved.T)
    )


def spectra_of(given: Given | Calibrated, shares: Shares | CalibratedShares) -> Array:
    """Return the spectra, (K, C), which sum to one."""
    lines, continuum = _parts(given, shares, _recorded(given, shares))
    spectra = lines + continuum
    return spectra / spectra.sum(axis=1, keepdims=True)  # off one by rounding only


def redraw(
    key: Array,
    counts: Array,
    given: Given | Calibrated,
    shares: Fractions,
    concentration: float,
    of_curves: float | None = None,
) -> Fractions:
    """Draw whether each photon of (K, C) counts belongs to a family or a curve, and then the fractions.

    The Dirichlet concentration of the curves is that of the other fractions where it is not given.
    """
    split_key, *keys = jax.random.split(key, 6)
    recorded = _recorded(given, shares)
    lines, continuum = _parts(given, shares, recorded)
    counts = counts.astype(jnp.float32)
    of_lines = jax.random.binomial(split_key, counts, lines / jnp.maximum(lines + continuum, LEAST_RATE))
    rest = counts - of_lines
    families = _split(keys[0], of_lines, shares.families[..., None] * recorded)
    curves = _split(keys[1], rest.sum(axis=0)[None], shares.curves[..., None] * given.curves)
    parts = jnp.stack([of_lines.sum(axis=1), rest.sum(axis=1)], axis=1)
    a = concentration
    return shares._replace(
        families=_dirichlet(keys[2], jnp.where(given.owned, families + a, 0)),
        continuum=_dirichlet(keys[3], parts + a),
        curves=_dirichlet(keys[4], curves + (a if of_curves is None else of_curves)),
    )


def moved_calibration(
    key: Array, given: Calibrated, shares: CalibratedShares
) -> tuple[CalibratedShares, Array]:
    """Propose another calibration, and return it with the logarithm of how much likelier the prior says it is."""
    centre, least, most = given.moves.centre, given.moves.least, given.moves.most
    step_key, size_key = jax.random.split(key)
    size = jax.random.choice(size_key, jnp.asarray(_STEPS))
    proposed = shares.calibration + size * (given.moves.scale @ jax.random.normal(step_key, centre.shape))
    prior = 0.5 * (((shares.calibration - centre) ** 2).sum() - ((proposed - centre) ** 2).sum())
    inside = ((proposed >= least) & (proposed <= most)).all()
    return shares._replace(calibration=proposed), jnp.where(inside, prior, -jnp.inf)


def draw_calibration(
    key: Array, counts: Array, given: Given | Calibrated, shares: Fractions, n_steps: int
) -> Fractions:
    """Do Metropolis steps of the calibration given the counts (K, C) of each phase; none where it is fixed."""
    if not (isinstance(given, Calibrated) and isinstance(shares, CalibratedShares)):
        return shares

    def step(i: Array, state: tuple[CalibratedShares, Array]) -> tuple[CalibratedShares, Array]:
        move_key, accept_key = jax.random.split(jax.random.fold_in(key, i))
        proposed, prior = moved_calibration(move_key, given, state[0])
        logs = _logs(spectra_of(given, proposed))
        ratio = (
            prior + (counts * (logs - state[1])).sum()
        )  # of differences: sums of many counts would lose digits
        accepted = jnp.log(jax.random.uniform(accept_key)) < ratio
        return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), (proposed, logs), state)

    return jax.lax.fori_loop(0, n_steps, step, (shares, _logs(spectra_of(given, shares))))[0]


def _logs(spectra: Array) -> Array:
    return jnp.log(jnp.maximum(spectra, LEAST_RATE))


def _recorded(given: Given | Calibrated, shares: Shares | CalibratedShares) -> Array:
    """Return the families at the calibration, (K or 1, F, C)."""
    if not (isinstance(given, Calibrated) and isinstance(shares, CalibratedShares)):
        return given.families
    *moved, longer = shares.calibration
    with_tail = jnp.maximum(given.families + longer * given.moves.tail, 0)
    recorded = with_tail * jnp.exp(jnp.tensordot(jnp.stack(moved), given.moves.slopes, 1))
    return recorded / jnp.maximum(recorded.sum(axis=-1, keepdims=True), LEAST_RATE)


def _parts(
    given: Given | Calibrated, shares: Shares | CalibratedShares, recorded: Array
) -> tuple[Array, Array]:
    """Return lines and continuum of each phase, (K, C) each."""
    if len(recorded) == 1:
        lines = jnp.matmul(shares.families, recorded[0], precision="highest")
    else:
        lines = jnp.einsum("kf,kfc->kc", shares.families, recorded, precision="highest")
    continuum = jnp.matmul(shares.curves, given.curves, precision="highest")
    return shares.continuum[:, :1] * lines, shares.continuum[:, 1:] * continuum


def _split(key: Array, counts: Array, rates: Array) -> Array:
    """Share counts (K, C) multinomially among N kinds with rates (K, N, C), and sum over channels, (K, N).

    One kind after the other takes a binomial part of what is left.
    """
    rates = jnp.moveaxis(rates, 1, 0)
    from_here_on = jnp.cumsum(rates[::-1], axis=0)[::-1]
    chance = jnp.minimum(rates / jnp.maximum(from_here_on, LEAST_RATE), 1)

    def take(left: Array, kind: tuple[Array, Array]) -> tuple[Array, Array]:
        taken = jax.random.binomial(kind[0], left, kind[1])
        return left - taken, taken.sum(axis=1)

    keys = jax.random.split(key, len(rates))[:-1]
    left, sums = jax.lax.scan(take, counts, (keys, chance[:-1]))
    return jnp.concatenate([sums, left.sum(axis=1)[None]]).T


def _dirichlet(key: Array, concentration: Array) -> Array:
    """Draw each row; entries with concentration 0 are 0."""
    real = concentration > 0
    draws = log_gamma_variates(key, jnp.where(real, concentration, 1))
    return jax.nn.softmax(jnp.where(real, draws, -jnp.inf), axis=1)


def _float32(array: np.ndarray) -> Array:
    return jnp.asarray(array, jnp.float32)
