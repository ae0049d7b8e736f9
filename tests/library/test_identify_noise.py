"""Feasible ranges of noisy counts: a dense grid for two components, another optimiser and plain refits for more."""

import itertools
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import bayesunmix as bu
from bayesunmix.analysis.feasible_evidence import excess, gather, parts
from tests.library.mixtures import mixture, picture

CONFIDENCE = 0.95


@cache
def noisy(n_components, dose=200, seed=1):
    """An image, a fit, its evidence and its ranges."""
    truth = mixture(n_components, dose)
    image = picture(np.random.default_rng(seed).poisson(truth.expected()))
    result = bu.unmix(image, n_components, "nmf", seed=0)
    evidence = gather(image, result.estimate.endmembers, CONFIDENCE)
    return image, result, evidence, bu.identify(result, image, confidence=CONFIDENCE)


def shares_of(found, rotations):
    shares = found.amounts.sum(axis=0) @ np.linalg.inv(rotations)
    return shares / shares.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(("dose", "seed"), [(200, 1), (60, 2)])
def test_two_components_have_the_range_of_a_dense_grid(dose, seed):
    """The direct way: every rotation of a grid is tested, and then of finer grids about those at the ends."""
    _, _, evidence, found = noisy(2, dose, seed)

    def feasible(first, second):
        grid = [[[1 - a, a], [b, 1 - b]] for a in first for b in second]
        return np.array([turn for turn in np.array(grid) if excess(evidence, turn[None])[0] <= 1])

    steps = np.linspace(-0.9, 0.9, 46)
    kept = feasible(steps, steps)
    apart = steps[1] - steps[0]
    for _ in range(2):
        shares = shares_of(found, kept)
        ends = {*shares.argmin(axis=0), *shares.argmax(axis=0)}
        near = apart * np.linspace(-1, 1, 9)
        kept = np.concatenate([kept, *(feasible(kept[i, 0, 1] + near, kept[i, 1, 0] + near) for i in ends)])
        apart = near[1] - near[0]
    shares = shares_of(found, kept)
    np.testing.assert_allclose(found.overall.lower, shares.min(axis=0), atol=0.005)
    np.testing.assert_allclose(found.overall.upper, shares.max(axis=0), atol=0.005)


def test_another_optimiser_finds_nothing_outside():
    """From the estimate, by sequential quadratic programming with SciPy's own differences of the objective."""
    n = 3
    _, _, evidence, found = noisy(n)

    def rotation_of(entries):
        rows = entries.reshape(n, n - 1)
        return np.concatenate([rows, 1 - rows.sum(axis=1, keepdims=True)], axis=1)

    def left(entries):
        return 1 - np.sqrt(np.maximum(parts(evidence, rotation_of(entries))[0], 0) + 1e-4)

    reached = 0
    for k, sign in itertools.product(range(n), (1, -1)):
        best = minimize(
            lambda entries, k=k, sign=sign: sign * shares_of(found, rotation_of(entries))[k],
            np.eye(n)[:, :-1].ravel(),
            method="SLSQP",
            bounds=[(-2, 2)] * (n * (n - 1)),
            constraints=[{"type": "ineq", "fun": left}],
            options={"maxiter": 40},
        )
        if excess(evidence, rotation_of(best.x)[None])[0] > 1.01:
            continue
        end = (found.overall.lower if sign == 1 else found.overall.upper)[k]
        assert sign * (end - sign * best.fun) < 0.02
        reached += abs(end - sign * best.fun) < 0.05
    assert reached >= 3, "the optimiser gets to some of the ends, so it is a test"


@pytest.mark.parametrize("n_components", [3, 4])
def test_the_best_fit_at_an_end_is_as_likely_as_noise_allows(n_components):
    """The plain way: both factors are fitted anew to all pixels and channels, with the share of one component given."""
    image, result, _, found = noisy(n_components)
    counts = np.asarray(image.dense(), float).reshape(image.n_pixels, -1)
    n_amounts, unit = image.n_pixels * n_components, 20.0

    def profile(rotation, k, share, stiffness=1e6):
        """Return the largest log-likelihood near there, and how many amounts of each factor are at zero."""
        start = (
            np.maximum(result.estimate.abundances @ np.linalg.inv(rotation), 1e-2) / unit,
            np.maximum(rotation @ result.estimate.endmembers, 1e-5) * unit,
        )

        def loss(entries):
            maps = entries[:n_amounts].reshape(-1, n_components)
            spectra = entries[n_amounts:].reshape(n_components, -1)
            rate, of_map, of_spectrum = maps @ spectra, maps.sum(axis=0), spectra.sum(axis=1)
            total = of_map @ of_spectrum
            apart = of_map[k] * of_spectrum[k] / total - share
            by_amount = stiffness * apart * ((np.arange(n_components) == k) - share - apart) / total
            surplus = counts / rate - 1
            slopes = (
                surplus @ spectra.T - by_amount * of_spectrum,
                maps.T @ surplus - (by_amount * of_map)[:, None],
            )
            value = (counts * np.log(rate) - rate).sum() - stiffness * apart**2 / 2
            return -value, -np.concatenate([slope.ravel() for slope in slopes])

        best = minimize(
            loss,
            np.concatenate([factor.ravel() for factor in start]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(1e-7, None)] * sum(factor.size for factor in start),
            options={"maxiter": 400, "maxfun": 800},
        ).x
        maps, spectra = best[:n_amounts].reshape(-1, n_components), best[n_amounts:].reshape(n_components, -1)
        amounts = maps * spectra.sum(axis=1)
        assert stiffness == 0 or abs(amounts.sum(axis=0)[k] / amounts.sum() - share) < 0.01
        at_zero = (amounts < 0.02 * counts.sum(axis=1, keepdims=True)).sum(axis=0)
        of_spectra = (spectra < 3e-4 * spectra.sum(axis=1, keepdims=True)).sum(axis=1)
        return float((counts * np.log(maps @ spectra) - maps @ spectra).sum()), [*at_zero, *of_spectra]

    highest, _ = profile(np.eye(n_components), 0, 0.0, stiffness=0.0)
    tail = (1 - CONFIDENCE) / (2 * n_components + 2)
    shares = shares_of(found, found.rotations)
    for k in range(n_components):
        for end in (shares[:, k].argmin(), shares[:, k].argmax()):
            likelihood, at_zero = profile(found.rotations[end], k, shares[end, k])
            assert highest - likelihood < chi2.isf(tail, np.maximum(at_zero, 1)).sum() / 2
    # Far beyond an end the same rule refuses.
    end = shares[:, 0].argmax()
    beyond = profile(found.rotations[end], 0, min(shares[end, 0] + 0.3, 0.97))
    assert highest - beyond[0] > chi2.isf(tail, np.maximum(beyond[1], 1)).sum() / 2
