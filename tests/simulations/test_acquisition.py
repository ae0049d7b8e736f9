"""Each effect of an acquisition does what its parameter says, and the truth stays the mean of the counts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from simulations import PHANTOMS, Phantom, acquire
from simulations.acquisition import ACQUISITIONS, Acquisition
from tests.simulations.series import ENERGY, make_series

LINEAR = [
    Acquisition(probe_nm=5),
    Acquisition(frames=5, drift_nm=(2.0, -3.0)),
    Acquisition(frames=3, drift_nm=(2.0, -3.0), keep_frames=True, dead_time=0.002),
    Acquisition(gain=1.02, offset_kev=-0.1),
    Acquisition(shadow=0.8, shadow_deg=90, shadow_width_deg=40),
    Acquisition(missing_wedge_deg=100),
    Acquisition(dead_pixels=0.2),
    Acquisition(dead_time=0.01),
    ACQUISITIONS["realistic"],
]


def test_a_perfect_acquisition_is_the_default(series):
    plain, perfect = acquire(series, 30, 5), acquire(series, 30, 5, Acquisition())
    assert (plain.image.counts != perfect.image.counts).nnz == 0
    np.testing.assert_array_equal(plain.truth.abundances, 30 * series.truth.abundances)
    assert plain.acquisition == ACQUISITIONS["ideal"] == Acquisition()
    assert plain.haadf is None


@pytest.mark.parametrize("acquisition", LINEAR, ids=str)
def test_the_truth_is_the_mean_of_the_counts(series, acquisition):
    rng = np.random.default_rng(8)
    # Dead pixels move from trial to trial, and their truth with them.
    trials = [acquire(series, 40, rng, acquisition) for _ in range(20)]
    counts = sum(trial.image.counts.toarray().astype(float) for trial in trials)
    expected = sum(trial.truth.expected() for trial in trials)
    for axis in (0, 1):
        seen, mean = counts.sum(axis=axis), expected.sum(axis=axis)
        assert (seen[mean < 1e-9] == 0).all()
        large = mean > 20
        chi2 = ((seen - mean)[large] ** 2 / mean[large]).mean()
        slack = 5 * np.sqrt(2 / large.sum())
        assert 0.3 < chi2 < 1 + slack, "means agree (totals of a dead detector scatter less than Poisson)"
    assert counts.sum() == pytest.approx(expected.sum(), abs=5 * np.sqrt(expected.sum()))


@pytest.mark.parametrize("acquisition", LINEAR, ids=str)
def test_the_truth_stays_canonical_and_the_seed_decides(series, acquisition):
    trial, again = acquire(series, 40, 2, acquisition), acquire(series, 40, 2, acquisition)
    assert trial.truth.is_nonnegative
    np.testing.assert_allclose(trial.truth.endmembers.sum(axis=1), 1, atol=1e-12)
    assert (trial.image.counts != again.image.counts).nnz == 0
    assert trial.acquisition == acquisition


@pytest.mark.parametrize("rate_dead_time", [0.06, 0.12, 0.2])
def test_totals_are_sub_poisson_with_dead_time_and_channels_are_not(rate_dead_time):
    dose, n_pixels, n_channels = 80, 20_000, 100
    share = np.full(n_channels, 1 / n_channels)
    flat = Phantom(
        "flat", Factorization(share[None], np.ones((n_pixels, 1))), np.arange(1.0, 101), (n_pixels,), ("A",)
    )
    counts = acquire(flat, dose, 0, Acquisition(dead_time=rate_dead_time / dose)).image.counts.toarray()
    mean = dose / (1 + rate_dead_time)
    totals = counts.sum(axis=1)
    assert totals.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / n_pixels))
    dispersion = totals.var() / mean
    # Knoll, eq. 4.38: a count rate's variance falls with the square of its live share.
    assert dispersion == pytest.approx((1 + rate_dead_time) ** -2, abs=5 * np.sqrt(2 / n_pixels))
    assert 0.66 < dispersion < 0.90, "as in real maps"
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.01)


def test_a_detector_may_be_blind_when_a_pixel_begins():
    n_pixels = 40_000
    few = Phantom("few", Factorization([[0.5, 0.5]], np.ones((n_pixels, 1))), [1.0, 2.0], (n_pixels,), ("A",))
    # A count blinds for half a pixel's time: 2 / (1 + 2 x 0.5) are left; 1.1 if every pixel began ready.
    counts = acquire(few, 2, 0, Acquisition(dead_time=0.5)).image.n_photons
    assert counts / n_pixels == pytest.approx(1, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 2.0), st.floats(-2, 2), st.floats(-2, 2), st.integers(1, 4))
def test_probe_and_drift_within_the_field_keep_every_photon(probe, down, right, frames):
    series = make_series()
    moved = Acquisition(probe_nm=probe, drift_nm=(down, right), frames=frames)
    for tilt, before in zip(*(_per_tilt(t) for t in (_mean(series, moved), series.truth)), strict=True):
        np.testing.assert_allclose(tilt, before, rtol=1e-9)


def test_the_probe_alone_keeps_every_photon_of_a_full_field():
    full = make_series(margin=0)
    np.testing.assert_allclose(
        _per_tilt(_mean(full, Acquisition(probe_nm=9))), _per_tilt(full.truth), rtol=1e-9
    )


def test_the_probe_spreads_a_point_to_its_width():
    point = np.zeros((41, 41))
    point[20, 20] = 1
    phantom = Phantom(
        "point",
        Factorization(np.eye(1, 5), point.reshape(-1, 1)),
        np.arange(5.0),
        (41, 41),
        ("A",),
        (Axis("y", 2, "nm"), Axis("x", 2, "nm")),
    )
    image = _mean(phantom, Acquisition(probe_nm=6)).abundances.reshape(41, 41)
    for axis in (0, 1):
        profile = image.sum(axis=axis)
        assert 2 * np.sqrt(profile @ (np.arange(41) - 20) ** 2) == pytest.approx(6, rel=0.01)


def test_frames_drift_around_the_middle_one_and_add_up(series):
    apart = _mean(series, Acquisition(frames=3, drift_nm=(4.0, 8.0), keep_frames=True))
    maps = apart.abundances.reshape(3, 4, 8, 14, 2)
    middle = series.truth.abundances.reshape(4, 8, 14, 2) / 3
    np.testing.assert_allclose(maps[1], middle, atol=1e-15)
    np.testing.assert_allclose(maps[2, :, 1:, 2:], middle[:, :-1, :-2], atol=1e-15)
    summed = _mean(series, Acquisition(frames=3, drift_nm=(4.0, 8.0)))
    np.testing.assert_allclose(maps.sum(axis=0).reshape(-1, 2), summed.abundances, atol=1e-15)
    blinded = Acquisition(dead_time=0.1)
    kept = _mean(series, replace(blinded, frames=3, keep_frames=True)).abundances.sum()
    assert kept == pytest.approx(_mean(series, blinded).abundances.sum()), (
        "a frame's rate is that of the whole"
    )
    trial = acquire(series, 20, 0, Acquisition(frames=3, keep_frames=True))
    assert trial.image.shape == (3, 4, 8, 14, 160)
    assert [axis.name for axis in trial.image.axes] == ["frame", "tilt", "y", "x"]


def test_frames_of_a_line_scan_stay_apart():
    line = Phantom("line", Factorization(np.eye(1, 3), np.ones((5, 1))), np.arange(1.0, 4), (5,), ("A",))
    trial = acquire(line, 900, 0, Acquisition(frames=4, keep_frames=True))
    assert trial.image.shape == (4, 5, 3)
    np.testing.assert_allclose(trial.truth.abundances, 225)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.98, 1.02), st.floats(-0.1, 0.1))
def test_a_wrong_energy_scale_moves_the_peaks(gain, offset):
    series = make_series()
    true, seen = (
        f.endmembers[1] for f in (series.truth, _mean(series, Acquisition(gain=gain, offset_kev=offset)))
    )
    peak = (ENERGY > 6.9) & (ENERGY < 8.0)
    moved = np.interp(ENERGY, ENERGY * gain + offset, peak) > 0.5
    centre, recorded = ((ENERGY * e)[m].sum() / e[m].sum() for e, m in ((true, peak), (seen, moved)))
    assert recorded == pytest.approx(gain * centre + offset, abs=0.005)


def test_counts_that_leave_the_axis_are_lost(series):
    truth = _mean(series, Acquisition(offset_kev=-1.5))  # Si Ka and Ni L leave, Ni K stays
    left = truth.abundances.sum(axis=0) / series.truth.abundances.sum(axis=0)
    assert left[0] < 0.1 < 0.4 < left[1] < 0.6


def test_a_shadow_takes_its_share_at_its_angle(series):
    shadowed = _per_tilt(_mean(series, Acquisition(shadow=0.6, shadow_deg=-90, shadow_width_deg=20)))
    share = shadowed / _per_tilt(series.truth)
    np.testing.assert_allclose(share[3], 0.4)
    np.testing.assert_allclose(share[:3], 1, atol=1e-4)


def test_the_missing_wedge_is_empty(series):
    seen = _per_tilt(_mean(series, Acquisition(missing_wedge_deg=80)))
    assert (seen[[1, 3]] == 0).all()
    np.testing.assert_array_equal(seen[[0, 2]], _per_tilt(series.truth)[[0, 2]])
    trial = acquire(series, 9, 0, Acquisition(missing_wedge_deg=80, haadf_electrons=99))
    for image in (trial.image.total_map(), trial.haadf):
        assert image[1].sum() == 0 < image[0].sum()


def test_a_phantom_without_tilts_is_at_zero_degrees():
    film = PHANTOMS["nicr_film"]((8, 64), n_channels=30)
    half = _mean(film, Acquisition(shadow=0.5, shadow_deg=0, missing_wedge_deg=60))
    np.testing.assert_allclose(half.abundances, film.truth.abundances / 2)


def test_dead_pixels_are_empty_and_as_many_as_asked():
    film = PHANTOMS["nicr_film"]((40, 64), n_channels=30)
    trial = acquire(film, 50, 0, Acquisition(dead_pixels=0.1))
    dead = trial.truth.abundances.sum(axis=1)[film.specimen] == 0
    n = film.specimen.sum()
    assert dead.sum() == pytest.approx(0.1 * n, abs=5 * np.sqrt(0.09 * n))
    assert trial.image.total_map().ravel()[film.specimen][dead].sum() == 0
    other = (
        acquire(film, 50, 1, Acquisition(dead_pixels=0.1)).truth.abundances.sum(axis=1)[film.specimen] == 0
    )
    assert (dead != other).any()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"probe_nm": -1}, "probe_nm must be at least 0 and below inf, got -1"),
        ({"frames": 0}, "frames must be a whole number from 1 on, got 0"),
        ({"frames": 1.5}, "frames must be a whole number from 1 on, got 1.5"),
        ({"drift_nm": (1,)}, "drift_nm must be two finite lengths"),
        ({"drift_nm": (1, np.nan)}, "drift_nm must be two finite lengths"),
        ({"gain": 0}, "gain must be at least 0.5 and below 2, got 0"),
        ({"offset_kev": np.nan}, "offset_kev must be"),
        ({"shadow": 1.1}, "shadow must be at least 0 and below 1, got 1.1"),
        ({"missing_wedge_deg": 180}, "missing_wedge_deg must be at least 0 and below 180"),
        ({"dead_pixels": 1}, "dead_pixels must be at least 0 and below 1, got 1"),
        ({"dead_time": -0.1}, "dead_time must be at least 0 and below 1, got -0.1"),
        ({"takeoff_deg": 0}, "takeoff_deg must lie between 0 and 180 degrees"),
        ({"haadf_electrons": np.inf}, "haadf_electrons must be at least 0 and below inf"),
    ],
)
def test_a_wrong_setting_is_one_sentence(setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        Acquisition(**setting)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            {"takeoff_deg": 20},
            "absorption follows from thickness and materials, and phantom 'bare' states none",
        ),
        ({"haadf_electrons": 9}, "a HAADF image follows from thickness and materials, and phantom 'bare'"),
        ({"probe_nm": 2}, "probe and drift are lengths in nm, but phantom 'bare' has no y and x axis in nm"),
        ({"drift_nm": (1, 1), "frames": 2}, "probe and drift are lengths in nm"),
        ({"offset_kev": 50.0}, "no count of component 'A' is left on the axis"),
    ],
)
def test_a_phantom_that_lacks_what_a_setting_needs_is_one_sentence(setting, sentence):
    bare = Phantom("bare", Factorization(np.eye(1, 3), np.ones((4, 1))), np.arange(1.0, 4), (2, 2), ("A",))
    with pytest.raises(ValueError, match=sentence):
        acquire(bare, 5, 0, Acquisition(**setting))


def _mean(phantom, acquisition):
    return acquisition.expose(phantom, 1.0, np.random.default_rng(0)).mean()


def _per_tilt(truth):
    return truth.abundances.reshape(4, -1, 2).sum(axis=1)
