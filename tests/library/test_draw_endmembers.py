"""Endmembers of many photons, and of chains that disagree: how many photons and sweeps they are drawn from."""

import numpy as np
import pytest

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import endmembers, joint
from bayesunmix.engine.sampling.chains import Checkpoint
from bayesunmix.engine.sampling.endmembers import draw_endmembers
from bayesunmix.engine.sampling.joint import Schedule
from tests.quick import film

SCHEDULE = Schedule(block=20, thin=4, n_warmup=2, n_blocks=4, again=True)


def draw(image, schedule=SCHEDULE, seed=0):
    model = ENDMEMBER_MODELS["smooth"]()
    return draw_endmembers(
        image,
        model.prepare(image, 3),
        model,
        compositions=ABUNDANCE_PRIORS["dirichlet"](),
        key=random_key(seed),
        n_chains=2,
        schedule=schedule,
        kept=Checkpoint(None, ""),
    )


def test_of_many_photons_some_are_picked_and_maps_start_from_all(monkeypatch):
    image = film().image
    monkeypatch.setattr(endmembers, "MOST_PHOTONS", image.n_photons // 2)
    monkeypatch.setattr(endmembers, "ROUNDS", 0)
    drawn, same = draw(image), draw(image)
    assert drawn.n_photons == pytest.approx(image.n_photons / 2, rel=0.05)
    for starts in drawn.starts:
        assert starts.shape == (image.n_pixels, 3) and starts.min() > 0
        assert starts.sum() == pytest.approx(image.n_photons, rel=0.1)
    np.testing.assert_array_equal(drawn.sampled.posterior.endmembers, same.sampled.posterior.endmembers)


def test_chains_that_never_agree_get_fewer_photons_and_more_sweeps_then_are_pooled(monkeypatch):
    image = film().image
    monkeypatch.setattr(joint, "MOST_R_HAT", 0.0)
    monkeypatch.setattr(endmembers, "FEWEST_PHOTONS", image.n_photons // 3)
    drawn = draw(image)
    assert drawn.n_photons == pytest.approx(image.n_photons / 3, rel=0.05), "and not a quarter"
    # Twice with all photons; then four and eight times as long as at first.
    assert drawn.sampled.n_sweeps == 20 * ((2 + 4) + 2 * 4 + (2 + 4 * 4) + (2 + 8 * 4))
    assert drawn.sampled.posterior.endmembers.shape[:2] == (2, 20)
    assert all(starts.sum() == pytest.approx(image.n_photons, rel=0.1) for starts in drawn.starts)


def test_small_images_keep_their_photons_and_few_draws_are_not_judged(monkeypatch):
    image = film().image
    monkeypatch.setattr(joint, "MOST_R_HAT", 0.0)
    few = draw(image, SCHEDULE._replace(n_blocks=3))
    assert few.sampled.n_sweeps == 20 * (2 + 3 + 2 * 3)
    kept = draw(image)
    assert kept.n_photons == image.n_photons < endmembers.FEWEST_PHOTONS
