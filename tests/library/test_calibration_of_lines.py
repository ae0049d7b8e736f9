"""Line families whose calibration is drawn: what the detector records, and draws that leave the prior as it is."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayesunmix.engine.device.threefry import random_key
from bayesunmix.models.endmember_models._dictionary import spectra_of
from bayesunmix.models.endmember_models.phases import PhaseSpectra
from bayesunmix.spectra.calibration_slopes import calibration_slopes, families_at
from bayesunmix.spectra.line_model import PRIOR_SD, fit_lines
from simulations.phantom import PHANTOMS
from simulations.trial import acquire
from tests import tiny_template as tiny

N_CHAINS = 4000


@cache
def fitted():
    image = acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0), 60, 0).image
    return image.energy_kev, fit_lines(image.energy_kev, image.sum_spectrum(), ("Si", "Cr", "Ni"))


def test_families_that_do_not_move_are_those_of_the_fit():
    np.testing.assert_allclose(families_at(*fitted(), np.zeros(5)), fitted()[1].spectra, atol=1e-12)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("by", [-0.1, 0.3])
def test_slopes_follow_the_detector(place, by):
    """An offset of 3 eV, a gain of 0.1 %, 10 % of FWHM^2, 1.5 % in the tail: all that 10 000 counts leave open."""
    kev, model = fitted()
    moved = by * np.eye(5)[place]
    moves = calibration_slopes(kev, model)
    by_slopes = np.maximum(model.spectra + moved[4] * moves.tail, 0) * np.exp(
        np.tensordot(moved[:4], moves.slopes, 1)
    )
    by_slopes /= by_slopes.sum(axis=1, keepdims=True)
    if place == 4 and model.detector.tail_share + by * PRIOR_SD[4] < 0:
        assert (by_slopes >= 0).all()
        return
    exact = families_at(kev, model, moved)
    far = np.abs(exact - model.spectra).sum(axis=1) / 2
    wrong = np.abs(exact - by_slopes).sum(axis=1) / 2
    assert (wrong < 0.004).all() and (wrong < 0.1 * far + 1e-4).all()


@cache
def drawing():
    model = PhaseSpectra(concentration=tiny.CONCENTRATION)
    return jax.jit(
        jax.vmap(lambda key, counts, given, shares: model.draw(key, counts, given, shares), (0, 0, None, 0))
    )


def joint_z(off_centre=0.0, steps=4):
    """Parameters from the prior, then counts and parameters in turn: they stay distributed like the prior."""
    rng = np.random.default_rng(5)
    drawn = tiny.shares_from_prior(rng, N_CHAINS)
    spectra = tiny.template_of(drawn)
    shares = drawn._replace(
        **{name: jnp.asarray(part, jnp.float32) for name, part in drawn._asdict().items()}
    )
    given = tiny.known().fine
    given = given._replace(moves=given.moves._replace(centre=given.moves.centre + off_centre))

    def moments(spectra, shares):
        parts = [np.asarray(part, float).reshape(N_CHAINS, -1) for part in (spectra, *shares)]
        return np.concatenate([*parts, *(part**2 for part in parts)], axis=1)

    before = moments(spectra, shares)
    np.testing.assert_allclose(jax.vmap(lambda s: spectra_of(given, s))(shares), spectra, atol=1e-5)
    for step in range(steps):
        counts = jnp.asarray(rng.poisson(np.array([[60], [12]]) * np.asarray(spectra)), jnp.int32)
        spectra, shares = drawing()(jax.random.split(random_key(step), N_CHAINS), counts, given, shares)
    moved = moments(spectra, shares) - before
    return np.abs(moved.mean(axis=0) / np.maximum(moved.std(axis=0), 1e-5)).max() * np.sqrt(N_CHAINS)


def test_phases_and_their_calibration_leave_the_joint_distribution_invariant():
    assert joint_z() < 4.5


def test_another_prior_of_the_calibration_is_found():
    assert joint_z(off_centre=0.5) > 7
