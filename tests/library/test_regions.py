"""Regions: against dense integrals, covering as often as they say, and better than adding up pixels."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.analysis.totals import draw_totals, split_variance

SIDE, N_CHANNELS = 12, 30


def peaks(n_components, width=3.0):
    x, centres = np.arange(N_CHANNELS), np.linspace(9, N_CHANNELS - 9, n_components)
    spectra = np.exp(-0.5 * ((x - centres[:, None]) / width) ** 2) + 0.03
    return spectra / spectra.sum(axis=1, keepdims=True)


def jittered(endmembers, photons, n, seed=0):
    """Draws of endmembers as so many photons of each would leave them: (2, n / 2, K, C)."""
    draws = np.random.default_rng(seed).gamma(0.5 + photons * endmembers, size=(n, *endmembers.shape))
    draws /= draws.sum(axis=2, keepdims=True)
    return draws.reshape(2, n // 2, *endmembers.shape)


def known(endmembers):
    return np.broadcast_to(endmembers, (2, 20, *endmembers.shape))


def result_of(image, estimate, endmember_draws):
    maps = np.broadcast_to(estimate.abundances, (2, 2, *estimate.abundances.shape))
    return bu.Unmixing(estimate, bu.Posterior(endmember_draws, maps), {"method": "stub"}, grid=image.grid)


def mixture(n_components=3, dose=10, seed=0, photons=None):
    """A map without pure pixels, its image, and a posterior that knows the endmembers or has them from photons."""
    rng = np.random.default_rng(seed)
    fractions = rng.dirichlet(np.full(n_components, 1.5), SIDE * SIDE)
    fractions = fractions[fractions[:, 0].argsort()]  # layers
    truth = bu.Factorization(peaks(n_components), dose * fractions)
    counts = rng.poisson(truth.expected())
    image = bu.SpectrumImage(counts.reshape(SIDE, SIDE, -1), 1 + 0.1 * np.arange(N_CHANNELS))
    draws = known(truth.endmembers) if photons is None else jittered(truth.endmembers, photons, 200, seed)
    return truth, image, result_of(image, truth, draws)


def all_known(result, image):
    return bu.identify(result, image, known=[True] * result.estimate.n_components)


def grid_posterior(counts, endmembers, n=500):
    """The posterior of two totals on a dense grid of their square roots, where the Jeffreys prior is flat."""
    most = np.sqrt(counts.sum() + 12 * np.sqrt(counts.sum() + 1) + 12)
    root = (np.arange(n) + 0.5) / n * most
    a, b = np.meshgrid(root**2, root**2, indexing="ij")
    log_density = -(a * endmembers[0].sum() + b * endmembers[1].sum())
    for c in np.flatnonzero(counts):
        log_density += counts[c] * np.log(a * endmembers[0, c] + b * endmembers[1, c])
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    return root**2, density.sum(axis=1), density.sum(axis=0)


@pytest.mark.parametrize("width", [2.0, 8.0])
@pytest.mark.parametrize("totals", [(0, 0), (3, 0), (4, 5), (60, 0), (400, 300), (3000, 20)])
def test_totals_have_the_posterior_of_a_dense_grid(totals, width):
    endmembers = peaks(2, width)
    counts = np.random.default_rng(sum(totals)).poisson(np.array(totals) @ endmembers)
    grid, *marginals = grid_posterior(counts, endmembers)
    _, drawn = draw_totals(counts, np.repeat(endmembers[None], 400, axis=0), np.random.default_rng(0))
    assert drawn.shape[:2] == (400, 2)
    for k, density in enumerate(marginals):
        flat = drawn[..., k].ravel()
        mean = grid @ density
        sd = np.sqrt((grid - mean) ** 2 @ density)
        # 800 chains of nearly independent draws: at least 2000 independent ones.
        assert flat.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(2000))
        assert flat.std() == pytest.approx(sd, rel=0.09)
        step = sd / 20  # of the grid, where a narrow density is not resolved further
        for q in (0.05, 0.5, 0.95):
            low, high = (grid[np.searchsorted(np.cumsum(density), p)] for p in (q - 0.02, q + 0.02))
            assert low - step <= np.quantile(flat, q) <= high + step


def test_the_variance_is_split_as_an_integral_over_the_endmembers_says():
    endmembers = peaks(2, 5.0)
    counts = np.random.default_rng(1).poisson([300, 150] @ endmembers)
    draws = jittered(endmembers, 150, 120, seed=2).reshape(120, 2, -1)
    inside, means = [], []
    for draw in draws:
        grid, first, second = grid_posterior(counts, draw, 200)
        means.append([grid @ first, grid @ second])
        inside.append([(grid - m) ** 2 @ d for m, d in zip(means[-1], (first, second), strict=True)])
    _, drawn = draw_totals(counts, draws, np.random.default_rng(0))
    counting, between = split_variance(drawn)
    np.testing.assert_allclose(np.sqrt(counting), np.sqrt(np.mean(inside, axis=0)), rtol=0.1)
    np.testing.assert_allclose(np.sqrt(between), np.std(means, axis=0), rtol=0.1)
    np.testing.assert_allclose(counting + between, drawn.var(axis=(0, 1, 2)))


def test_the_columns_add_up_and_known_spectra_have_no_error():
    _, image, result = mixture(photons=60)
    found = bu.region(result, image, np.ones((SIDE, SIDE), bool), identified=all_known(result, image))
    assert all(c.amount.endmember_sd > c.amount.counting_sd for c in found.components)
    _, image, result = mixture()
    estimate = bu.Unmixing(result.estimate, known=(True,) * result.estimate.n_components)
    exact = bu.region(estimate, image, np.eye(SIDE, dtype=bool))
    for content in exact.components:
        for q in (content.amount, content.fraction):
            assert q.endmember_sd == 0 and q.feasible is None and q.identified == "yes"
            assert q.feasible_half_width is None and q.sd == q.counting_sd


def test_more_counts_of_the_region_leave_the_error_of_the_endmembers():
    _, image, result = mixture(photons=500)
    more = bu.SpectrumImage(30 * image.counts.astype(int), image.energy_kev, image.shape)
    mask = np.ones((SIDE, SIDE), bool)
    few, many = (bu.region(result, i, mask, identified=all_known(result, i)) for i in (image, more))
    for a, b in zip(few.components, many.components, strict=True):
        assert b.fraction.counting_sd == pytest.approx(a.fraction.counting_sd / np.sqrt(30), rel=0.3)
        assert b.fraction.endmember_sd == pytest.approx(a.fraction.endmember_sd, rel=0.3)


@cache
def regional_coverage():
    """How often 90 % intervals hold the true totals of both halves: inferred from sums, and as sums of pixels."""
    n_seeds, n_sweeps, settling = 40, 130, 30
    rows = np.arange(SIDE * SIDE) // (SIDE * SIDE // 2)
    trials = [mixture(seed=seed) for seed in range(n_seeds)]
    held = []
    for truth, image, result in trials:
        identified = all_known(result, image)
        for region in range(2):
            mask = (rows == region).reshape(SIDE, SIDE)
            true = truth.abundances[rows == region].sum(axis=0)
            found = bu.region(result, image, mask, identified=identified, seed=region).components
            held.append([c.amount.lower <= t <= c.amount.upper for c, t in zip(found, true, strict=True)])
    # The same prior in each pixel by itself, photon by photon.
    rng = np.random.default_rng(0)
    counts = np.concatenate([image.counts.toarray() for _, image, _ in trials])
    pixel, channel = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    shapes = peaks(3).T[channel]
    abundances, kept = np.full((len(counts), 3), 3.0), []
    for sweep in range(n_sweeps):
        odds = np.cumsum(abundances[pixel] * shapes, axis=1)
        component = (rng.random(len(pixel)) * odds[:, -1] > odds[:, :2].T).sum(axis=0)
        allotted = np.bincount(3 * pixel + component, minlength=counts.shape[0] * 3)
        abundances = rng.gamma(0.5 + allotted.reshape(-1, 3))
        if sweep >= settling:
            kept.append(abundances.reshape(n_seeds, 2, -1, 3).sum(axis=2))
    lower, upper = np.quantile(kept, [0.05, 0.95], axis=0)
    true = np.stack([truth.abundances.reshape(2, -1, 3).sum(axis=1) for truth, _, _ in trials])
    return np.mean(held), np.mean((lower <= true) & (true <= upper))


def test_intervals_of_regions_cover_as_often_as_they_say():
    assert 0.86 <= regional_coverage()[0] <= 0.94


def test_adding_up_pixels_does_not():
    assert regional_coverage()[1] < 0.6


def test_an_unknown_endmember_is_covered_too():
    """Endmembers measured by themselves: the interval must hold both errors, and counting alone is too little."""
    held, alone = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth, image, _ = mixture(seed=seed, dose=40)
        seen = rng.poisson(300 * truth.endmembers)
        draws = rng.gamma(0.5 + seen, size=(200, *seen.shape))
        draws /= draws.sum(axis=2, keepdims=True)
        result = result_of(image, truth, draws.reshape(2, 100, *seen.shape))
        mask = np.ones((SIDE, SIDE), bool)
        found = bu.region(result, image, mask, identified=all_known(result, image))
        for content, true in zip(found.components, truth.abundances.sum(axis=0), strict=True):
            held.append(content.amount.lower <= true <= content.amount.upper)
            alone.append(abs(content.amount.mean - true) <= 1.645 * content.amount.counting_sd)
    assert 0.82 <= np.mean(held) <= 0.96
    assert np.mean(alone) < 0.6


@given(st.permutations(range(3)))
@settings(max_examples=4)
def test_permuting_components_permutes_the_answer(order):
    _, image, result = mixture(photons=2000)
    mask = np.eye(SIDE, dtype=bool)
    identified = all_known(result, image)
    found = bu.region(result, image, mask, identified=identified)
    moved = bu.region(result.reorder(np.array(order)), image, mask, identified=identified)
    for k, content in enumerate(moved.components):
        assert content.amount.mean == pytest.approx(found[order[k]].amount.mean, rel=1e-9)
        assert content.fraction.upper == pytest.approx(found[order[k]].fraction.upper, rel=1e-9)


def test_the_whole_image_is_the_region_of_phase_fractions():
    _, image, result = mixture(dose=60)
    identified = bu.identify(result, image, n_steps=5)
    whole = bu.region(result, image, np.ones((SIDE, SIDE), bool), interval=0.5, identified=identified, seed=3)
    fractions = bu.phase_fractions(result, image, interval=0.5, identified=identified, seed=3)
    assert fractions.counts == whole
    labelled = bu.phase_map(result, image, specimen=np.ones((SIDE, SIDE), bool), at_least=0.51)
    assert list(fractions.areas) == list(result.names)
    for k, area in enumerate(fractions.areas.values()):
        assert area.mean == pytest.approx(labelled.areas[:, k].mean())
        assert area.lower <= area.surely <= area.mean <= area.possibly <= area.upper
    assert not fractions.below_50_counts
    half = np.zeros((SIDE, SIDE), bool)
    half[:, :4] = True
    fewer = bu.phase_fractions(result, image, identified=identified, specimen=half)
    of_half = bu.phase_map(result, image, specimen=half).areas.mean(axis=0)
    assert [area.mean for area in fewer.areas.values()] == pytest.approx(of_half)
    assert [area.mean for area in fewer.areas.values()] != [area.mean for area in fractions.areas.values()]


def test_vacuum_takes_no_part_in_areas_and_few_counts_are_marked():
    _, image, result = mixture(dose=20)
    counts = image.dense().copy()
    counts[:, 8:] = 0
    image = bu.SpectrumImage(counts, image.energy_kev)
    found = bu.phase_fractions(result, image, identified=all_known(result, image))
    assert found.below_50_counts and "below 50" in found.table()
    assert sum(area.mean for area in found.areas.values()) == pytest.approx(1)
    assert found.counts_per_pixel == pytest.approx(20 * 8 / 9, rel=0.1)  # one more column at the edge


@pytest.mark.usefixtures("short_walks")
def test_the_feasible_range_and_the_verdict_come_from_identify():
    _, image, result = mixture(dose=400)
    identified = bu.identify(result, image, n_steps=10)
    mask = np.ones((SIDE, SIDE), bool)
    found = bu.region(result, image, mask, identified=identified)
    lower, upper = identified.fractions_of(mask)
    for k, content in enumerate(found.components):
        assert content.fraction.feasible == (lower[k], upper[k])
        assert content.amount.feasible == pytest.approx(
            (image.n_photons * lower[k], image.n_photons * upper[k])
        )
        half_width = (upper[k] - lower[k]) / 2
        assert content.fraction.identified == bu.verdict(half_width, content.fraction.sd)
    assert {c.fraction.identified for c in found.components} <= {"range-only", "no"}
    assert bu.region(result, image, mask) == bu.region(
        result, image, mask, identified=bu.identify(result, image)
    )


def test_a_number_that_is_not_told_is_not_printed():
    told, open_ = (
        bu.Quantity(0.4213, 0.4, 0.44, 0.9, None, 0.01, 0.0, (0.42 - half, 0.42 + half))
        for half in (0.001, 0.2)
    )
    assert repr(told) == "Quantity(0.4213, 90 % interval 0.4 to 0.44, identified)"
    assert repr(open_) == "Quantity(a range, 90 % interval 0.4 to 0.44, not identified)"


def test_what_may_be_zero_has_an_upper_limit():
    below = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = bu.Factorization(peaks(3), np.array([[40.0, 60.0, 0.0]]))
        image = bu.SpectrumImage(rng.poisson(truth.expected())[None], 1 + 0.1 * np.arange(N_CHANNELS))
        result = result_of(image, truth, known(truth.endmembers))
        found = bu.region(result, image, np.ones((1, 1), bool), identified=all_known(result, image))
        assert found[0].amount.upper_limit is None and found[1].amount.upper_limit is None
        limit = found[2].amount.upper_limit
        assert limit is None or 0 < limit <= found[2].amount.upper < 25
        below.append(limit is not None)
    assert np.mean(below) > 0.95


def test_the_table_shows_every_column():
    _, image, result = mixture()
    named = replace(result, names=("ore", "rim", "void"))
    found = bu.region(named, image, np.eye(SIDE, dtype=bool), identified=all_known(result, image))
    text = repr(found)
    assert text == found.table() and text.splitlines()[0] == f"{found.n_counts} counts in 12 pixels"
    for word in (
        "90 % interval",
        "95 % limit",
        "counting sd",
        "endmember sd",
        "feasible +-",
        "identified",
        "rim",
    ):
        assert word in text
    widths = {len(line) for line in text.split("\n\n")[1].splitlines()}
    assert len(widths) == 1
    assert found["rim"] is found[1]
    with pytest.raises(KeyError, match="there is no component 'matrix'; there are ore, rim, void"):
        found["matrix"]


def test_wrong_arguments_are_one_sentence():
    truth, image, result = mixture()
    everywhere = np.ones((SIDE, SIDE), bool)
    with pytest.raises(ValueError, match="what a region holds needs a result with a posterior"):
        bu.region(bu.Unmixing(truth), image, everywhere)
    with pytest.raises(ValueError, match="the region must contain at least one pixel"):
        bu.region(result, image, ~everywhere)
    with pytest.raises(ValueError, match=r"mask must be bool of shape \(12, 12\), got float64"):
        bu.region(result, image, np.ones((SIDE, SIDE)))
    with pytest.raises(ValueError, match="result must be of this image, which has 36 pixels"):
        bu.region(result, image.rebin(2), everywhere)
    with pytest.raises(TypeError, match="image must be a SpectrumImage, got ndarray"):
        bu.region(result, image.dense(), everywhere)
    with pytest.raises(ValueError, match="probability of an interval must lie between 0 and 1, got 90"):
        bu.region(result, image, everywhere, identified=all_known(result, image), interval=90)
    other = mixture(2)
    with pytest.raises(ValueError, match=r"identified must be .* of this result, \(144, 3\) abundances, got"):
        bu.region(result, image, everywhere, identified=all_known(other[2], other[1]))
