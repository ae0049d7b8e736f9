"""Ratios of lines: exact in a true spectrum, with the error of the endmembers, and with the other solutions."""

import math
from dataclasses import replace

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.line_ratios import line_ratio_interval, line_ratios
from bayesunmix.analysis.quantity import table
from simulations import PHANTOMS, acquire

LINES = ("Fe_Ka", "Pt_La")
CORE = 2
SPREAD = 0.02


def drawn(rotations=None, known=()):
    """The spheres with shells, with draws about their true spectra."""
    trial = acquire(PHANTOMS["buried_cores"](), 20, 0)
    truth, rng = trial.truth, np.random.default_rng(0)
    scatter = rng.gamma(1 / SPREAD**2, SPREAD**2, (1, 200, *truth.endmembers.shape))
    endmembers = truth.endmembers * scatter
    abundances = np.broadcast_to(truth.abundances, (1, 4, *truth.abundances.shape))
    posterior = bu.Posterior(
        endmembers / endmembers.sum(axis=-1, keepdims=True), abundances, rotations=rotations
    )
    return trial.image, bu.Unmixing(truth, posterior, grid=trial.image.grid, known=known)


def rotated(row):
    """The estimate, and a solution in which the core is another mixture."""
    mixed = np.eye(3)
    mixed[CORE] = row
    return np.stack([np.eye(3), mixed])


def window(image, line):
    each = bu.SpectrumImage(np.eye(image.n_channels, dtype=int), image.energy_kev)
    return bu.line_map(each, line).ravel() > 0


def test_the_ratio_of_a_true_spectrum_is_that_of_its_counts_in_the_windows_of_line_map():
    image, result = drawn(np.eye(3)[None])
    core = result.estimate.endmembers[CORE]
    top, bottom = (core[window(image, line)].sum() for line in LINES)
    found = bu.line_ratio(result, image, LINES, CORE)
    assert found.mean == pytest.approx(top / bottom, rel=0.01)
    assert found.lower < top / bottom < found.upper
    assert line_ratios(core, image.energy_kev, LINES) == pytest.approx(top / bottom)
    back = bu.line_ratio(result, image, LINES[::-1], CORE)
    assert back.lower == pytest.approx(1 / found.upper) and back.upper == pytest.approx(1 / found.lower)


def test_without_other_solutions_the_interval_is_that_of_the_draws():
    image, result = drawn(np.eye(3)[None])
    ratios = line_ratios(result.posterior.endmembers[0, :, CORE], image.energy_kev, LINES)
    for include in ("total", "counting"):
        found = bu.line_ratio(result, image, LINES, CORE, include=include, interval=0.8)
        low, high = np.quantile(ratios, [0.1, 0.9], method="weibull")
        assert (found.lower, found.upper) == pytest.approx((low, high), rel=1e-3)
        assert found.interval == 0.8
        assert found.endmember_sd == pytest.approx(ratios.std()) and found.counting_sd == 0
        assert found.feasible == pytest.approx((found.mean, found.mean)) and found.identified == "yes"
        assert found.upper_limit is None


def test_the_total_interval_holds_the_ratio_of_every_other_solution_with_its_error():
    image, result = drawn(rotated([0, 0.2, 0.8]))
    total = bu.line_ratio(result, image, LINES, CORE)
    counting = bu.line_ratio(result, image, LINES, CORE, include="counting")
    spectra = np.array([0, 0.2, 0.8]) @ result.posterior.endmembers[0]
    others = line_ratios(spectra, image.energy_kev, LINES)
    assert total.lower == pytest.approx(counting.lower)
    assert total.upper == pytest.approx(np.quantile(others, 0.95, method="weibull"), rel=1e-3)
    assert total.feasible == pytest.approx((counting.mean, np.mean(others)), rel=0.01)
    assert total.identified == counting.identified == "no"
    assert total.mean == counting.mean
    both = line_ratio_interval(result.posterior, image.energy_kev, LINES, CORE)
    assert both == (total.lower, total.upper)


def test_a_second_line_that_may_be_absent_makes_the_ratio_unbounded_and_a_first_one_a_limit():
    image, result = drawn()
    iron, platinum = (result.estimate.endmembers[:, window(image, line)].sum(axis=1) for line in LINES)
    share = iron[CORE] / iron[1]  # the core without the iron of a shell
    rotations = rotated(np.array([0, -share, 1]) / (1 - share))
    without = rotations[1, CORE]
    assert abs(iron @ without) < 1e-9 < platinum @ without
    known = replace(result, posterior=replace(result.posterior, rotations=rotations))
    first = bu.line_ratio(known, image, LINES, CORE)
    assert first.lower == 0 and first.upper_limit == first.upper > first.mean
    second = bu.line_ratio(known, image, LINES[::-1], CORE)
    assert second.upper == math.inf and second.lower == pytest.approx(1 / first.upper)
    assert "inf" in table({"core": second}, "Pt_La/Fe_Ka") and second.identified == "no"


def test_components_have_numbers_and_names():
    image, result = drawn(np.eye(3)[None])
    named = replace(result, names=("film", "shell", "core"))
    one = bu.line_ratio(named, image, LINES, CORE)
    assert (
        one == bu.line_ratio(named, image, LINES, "core") == bu.line_ratio(named, image, LINES, "component 2")
    )


def test_windows_may_be_given_by_their_ends():
    image, result = drawn(np.eye(3)[None])
    ends = [
        (image.energy_kev[w][0], np.nextafter(image.energy_kev[w][-1], 99))
        for w in (window(image, n) for n in LINES)
    ]
    assert bu.line_ratio(result, image, ends, CORE) == bu.line_ratio(result, image, LINES, CORE)


def test_spectra_that_are_known_have_no_range():
    image, result = drawn(known=(True,) * 3)
    found = bu.line_ratio(result, image, LINES, CORE)
    assert found.feasible is None and found.identified == "yes"


def test_other_solutions_are_looked_for_where_nobody_has_and_assumptions_narrow_them():
    image, result = drawn()
    found = bu.identify(result, image, seed=1)
    asked = bu.line_ratio(result, image, LINES, CORE, seed=1)
    assert asked == bu.line_ratio(result, image, LINES, CORE, identified=found)
    kept = replace(result, posterior=replace(result.posterior, rotations=found.rotations))
    assert asked == bu.line_ratio(kept, image, LINES, CORE)
    counting = bu.line_ratio(result, image, LINES, CORE, include="counting")
    assert asked.lower <= counting.lower and counting.upper <= asked.upper


def test_wrong_requests_are_one_sentence():
    image, result = drawn(np.eye(3)[None])
    for lines in ("Fe_Ka", ("Fe_Ka",), ("Fe_Ka", "Pt_La", "O_Ka")):
        with pytest.raises(
            TypeError, match=r"lines must be two lines, got .*for example \('Fe_Ka', 'Pt_La'\)"
        ):
            bu.line_ratio(result, image, lines, CORE)
    with pytest.raises(ValueError, match="lines must be two different lines, got 'Fe_Ka' twice"):
        bu.line_ratio(result, image, ("Fe_Ka", "Fe_Ka"), CORE)
    with pytest.raises(ValueError, match="line must be one of"):
        bu.line_ratio(result, image, ("Fe_Kx", "Pt_La"), CORE)
    with pytest.raises(
        ValueError, match="component must name a component, got 3; choose a number from 0 to 2"
    ):
        bu.line_ratio(result, image, LINES, 3)
    with pytest.raises(TypeError, match=r"identified must be what .* returns, got 3"):
        bu.line_ratio(result, image, LINES, CORE, identified=3)
    with pytest.raises(ValueError, match="needs a result with a posterior"):
        bu.line_ratio(replace(result, posterior=None), image, LINES, CORE)
    with pytest.raises(ValueError, match="include must be"):
        bu.line_ratio(result, image, LINES, CORE, include="range")
    gone = result.posterior.endmembers.copy()
    gone[:, :, CORE, window(image, "Pt_La")] = 0
    without = replace(result, posterior=replace(result.posterior, endmembers=gone))
    with pytest.raises(
        ValueError, match=r"has no counts in the window of 'Pt_La'; ask for the ratio the other way round"
    ):
        bu.line_ratio(without, image, LINES, CORE)
