"""Is a claimed phase only a rim? Blurred zones, real layers, and what a fit leaves."""

import numpy as np
import pytest

from bayesunmix.validation.finding import judge
from bayesunmix.validation.phases.mixing_fit import fit_mixture
from bayesunmix.validation.phases.mixture import mixtures
from tests.library.validation.planted import A, B, C, case_of, layers, record

SHAPE = (32, 48)
ZONE = layers(SHAPE, 22, 26)  # 0, 1 (the zone), 2


def verdict(image, labels=ZONE, names="acb"):
    case = case_of(image, labels, names)
    return {one.subject: one for one in judge(mixtures(case).evidence, case.level)}


@pytest.mark.parametrize("dose", [5, 50])
def test_a_blurred_edge_called_a_phase_is_a_rim(dose):
    image = record(layers(SHAPE, 24), [A, B], dose, 1, blur=1.3)
    said = verdict(image)
    assert said["phase c"].verdict == "contradicted"
    assert "a rim, not a phase" in said["phase c"].sentence
    assert set(said) == {"phase c"}


@pytest.mark.parametrize("dose", [5, 50])
def test_a_real_layer_between_two_phases_is_a_phase(dose):
    said = verdict(record(ZONE, [A, C, B], dose, 1, blur=0.7))
    assert said["phase c"].verdict == "supported"


def test_rims_are_told_from_grains_of_the_same_label():
    truth = layers(SHAPE, 24)
    grain = (np.indices(SHAPE)[0] < 14) & (np.indices(SHAPE)[1] < 14)
    truth[grain] = 2
    image = record(truth, [A, B, C], 20, 1, blur=1.0)
    labels = truth.copy()
    labels[16:, 22:26] = 2
    said = verdict(image, labels, "abc")
    assert set(said) == {"phase c between a and b"}
    assert said["phase c between a and b"].verdict == "contradicted"


def test_what_a_mixture_leaves_is_the_share_of_something_else():
    rng = np.random.default_rng(0)
    others = [rng.poisson(20_000 * A), rng.poisson(5_000 * B)]
    mixed = fit_mixture(rng.poisson(10_000 * (0.3 * A + 0.7 * B)), others)
    assert mixed.shares == pytest.approx([0.3, 0.7], abs=0.03)
    assert mixed.p_explained > 0.01
    assert mixed.unexplained.upper < 0.03
    other = fit_mixture(rng.poisson(10_000 * (0.3 * A + 0.4 * B + 0.3 * C)), others)
    assert other.p_explained < 1e-6
    assert other.unexplained.lower > 0.2
    true = 0.3 * A + 0.4 * B + 0.3 * C
    nearest = min(abs(true - share * A - (1 - share) * B).sum() / 2 for share in np.linspace(0, 1, 101))
    assert other.moved.mean == pytest.approx(nearest, rel=0.2)  # groups of channels hide some
    assert other.moved.upper <= other.unexplained.upper
    assert other.excess[48] > 300


def test_misfit_of_a_right_mixture_is_as_probable_as_it_says():
    rng = np.random.default_rng(1)
    p_values = np.array(
        [
            fit_mixture(
                rng.poisson(800 * (0.5 * A + 0.5 * B)), [rng.poisson(900 * A), rng.poisson(700 * B)]
            ).p_explained
            for _ in range(200)
        ]
    )
    assert abs((p_values < 0.1).mean() - 0.1) < 0.09
