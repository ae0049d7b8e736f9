"""Real HyperSpy signals: they become images and back, and HyperSpy decomposes with our estimator."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesunmix as bu
from bayesunmix.estimator import Unmixer

reason = "HyperSpy is in an environment of its own: `make test-hyperspy` runs these tests"
hs = pytest.importorskip("hyperspy.api", reason=reason)
exspy = pytest.importorskip("exspy", reason=reason)

SHAPE, C, K = (6, 5), 40, 3
RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(
    RNG.dirichlet([0.3] * K, SHAPE) * 300 @ RNG.dirichlet([0.3] * C, K),
)
AXES = (bu.Axis("y", 2.0, "nm", 10.0), bu.Axis("x", 3.0, "nm", -5.0))
PLAIN = {"normalize_poissonian_noise": False, "output_dimension": K, "print_info": False}


def signal_of(
    counts=COUNTS, axes=AXES, kind=hs.signals.Signal1D, dtype=np.float32, energy=(0.5, 0.01, "keV")
):
    """A signal of the given counts, its energy axis given by offset, scale and unit."""
    signal = kind(counts.astype(dtype))
    described = [*axes, bu.Axis("Energy", energy[1], energy[2], energy[0])]
    for i, axis in enumerate(described):
        manager = signal.axes_manager.navigation_axes[::-1] + signal.axes_manager.signal_axes
        manager[i].trait_set(**axis._asdict())
    return signal


@dataclass(frozen=True)
class Stub:
    """Answers at once: every component is the mean spectrum."""

    def fit(self, image, n_components, key):
        endmembers = np.tile(image.sum_spectrum() + 1.0, (n_components, 1))
        abundances = np.arange(image.n_pixels * n_components).reshape(-1, n_components)
        draws = np.random.default_rng(0).random((2, 5, *endmembers.shape))
        posterior = bu.Posterior(draws, np.stack([np.stack([abundances + i for i in range(4)])] * 2))
        return bu.Unmixing(bu.Factorization(endmembers, abundances), posterior)


@pytest.mark.parametrize(
    "kind", [hs.signals.Signal1D, exspy.signals.EDSTEMSpectrum, exspy.signals.EDSSEMSpectrum]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_signal_becomes_an_image(kind, dtype, lazy):
    signal = signal_of(kind=kind, dtype=dtype)
    image = bu.from_hyperspy(signal.as_lazy() if lazy else signal)
    np.testing.assert_array_equal(image.dense(), COUNTS)
    np.testing.assert_allclose(image.energy_kev, 0.5 + 0.01 * np.arange(C))
    assert image.axes == AXES
    assert signal.data.dtype == dtype


@pytest.mark.parametrize("lazy", [False, True])
def test_a_navigation_mask_hides_and_comes_back_as_nan(lazy):
    hidden = np.zeros(SHAPE, bool)
    hidden[1:3, 2] = True
    garbage = COUNTS.astype(float)
    garbage[hidden] = np.nan
    signal = signal_of(garbage, dtype=np.float64)
    signal = signal.as_lazy() if lazy else signal
    for mask in (hidden, hs.signals.BaseSignal(hidden).T):
        image = bu.from_hyperspy(signal, navigation_mask=mask)
        np.testing.assert_array_equal(image.mask, ~hidden)
        np.testing.assert_array_equal(image.dense(), np.where(hidden[..., None], 0, COUNTS))
    endmembers, maps = bu.to_hyperspy(bu.unmix(image, K, Stub()))
    assert np.isfinite(endmembers.data).all()
    for drawn in (maps, maps.get_noise_variance()):
        np.testing.assert_array_equal(np.isnan(drawn.data), np.broadcast_to(hidden, (K, *SHAPE)))
    with pytest.raises(ValueError, match=r"mask does not fit .* of shape \(6, 5\)"):
        bu.from_hyperspy(signal, navigation_mask=hidden.T)
    with pytest.raises(ValueError, match="navigation_mask must be bool"):
        bu.from_hyperspy(signal, navigation_mask=hidden.astype(float))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_vacuum_mask_that_hides_every_pixel_says_so_and_which_threshold(lazy):
    signal = exspy.signals.EDSTEMSpectrum(COUNTS.astype(float))
    signal = signal.as_lazy() if lazy else signal
    signal.axes_manager[-1].scale, signal.axes_manager[-1].units = 0.1, "keV"
    largest = int(COUNTS.max())
    mask = signal.vacuum_mask(threshold=largest + 1.0)
    with pytest.raises(
        ValueError, match=rf"every one of the 30 pixels.*largest count .* is {largest}: .*below it"
    ):
        bu.from_hyperspy(signal, navigation_mask=mask)


names = st.sampled_from(["x", "y", "tilt", "time", "scan \u00b5"])
numbers = st.floats(1e-3, 1e3)
axis = st.builds(bu.Axis, names, numbers, st.sampled_from(["nm", "\u00b5m", "deg"]), st.floats(-1e3, 1e3))


@settings(max_examples=20)
@given(axes=st.lists(axis, min_size=1, max_size=4, unique_by=lambda a: a.name), data=st.data())
def test_axes_and_units_come_back(axes, data):
    shape = tuple(data.draw(st.integers(2, 4)) for _ in axes)
    counts = np.random.default_rng(0).poisson(3, (*shape, 8)) + 1
    result = bu.unmix(bu.from_hyperspy(signal_of(counts, axes)), 2, Stub())
    endmembers, maps = bu.to_hyperspy(result)
    inside = 1 if len(axes) == 1 else 2
    assert maps.axes_manager.signal_dimension == inside
    component, *returned = sorted(
        maps.axes_manager.navigation_axes + maps.axes_manager.signal_axes, key=lambda a: a.index_in_array
    )
    assert (component.name, component.size) == ("Component", 2)
    assert [bu.Axis(a.name, a.scale, a.units, a.offset) for a in returned] == axes
    np.testing.assert_array_equal(np.moveaxis(maps.data, 0, -1).reshape(-1, 2), result.estimate.abundances)
    (energy,) = endmembers.axes_manager.signal_axes
    assert (energy.name, energy.units) == ("Energy", "keV")
    np.testing.assert_allclose(energy.axis, 0.5 + 0.01 * np.arange(8))
    np.testing.assert_array_equal(endmembers.data, result.estimate.endmembers)


def test_the_posterior_variance_goes_along():
    result = bu.unmix(bu.from_hyperspy(signal_of()), 2, Stub())
    endmembers, abundances = bu.to_hyperspy(result)
    np.testing.assert_allclose(endmembers.get_noise_variance().data, result.posterior.endmembers.var((0, 1)))
    np.testing.assert_allclose(abundances.get_noise_variance().data, 1.25)
    plain = bu.to_hyperspy(bu.unmix(bu.from_hyperspy(signal_of()), 2, "pca"))
    assert plain.abundances.get_noise_variance() is None


def test_energies_in_electronvolts_and_uneven_ones():
    image = bu.from_hyperspy(signal_of(energy=(500.0, 10.0, "eV")))
    np.testing.assert_allclose(image.energy_kev, 0.5 + 0.01 * np.arange(C))
    uneven = signal_of()
    uneven.axes_manager[-1].convert_to_non_uniform_axis()
    uneven.axes_manager[-1].axis = 0.5 + 0.01 * np.arange(C) ** 1.1
    image = bu.from_hyperspy(uneven)
    np.testing.assert_allclose(image.energy_kev, 0.5 + 0.01 * np.arange(C) ** 1.1)
    (energy,) = bu.to_hyperspy(bu.unmix(image, 2, Stub())).endmembers.axes_manager.signal_axes
    np.testing.assert_allclose(energy.axis, image.energy_kev)


def test_the_energy_axis_may_lie_first():
    first = hs.signals.BaseSignal(np.ascontiguousarray(np.moveaxis(COUNTS, -1, 0))).as_signal1D(
        -1, optimize=False
    )
    first.axes_manager.signal_axes[0].trait_set(scale=0.01, offset=0.5, units="keV")
    np.testing.assert_array_equal(bu.from_hyperspy(first).dense(), COUNTS)


def test_the_zero_strobe_is_left_out_as_in_files():
    signal = signal_of(energy=(0.0, 0.01, "keV"))
    assert bu.from_hyperspy(signal).shape == (*SHAPE, C - 20)
    np.testing.assert_array_equal(bu.from_hyperspy(signal, crop_below_kev=None).dense(), COUNTS)


def test_what_is_no_image_of_counts():
    with pytest.raises(TypeError, match=r"must be a HyperSpy signal, got ndarray; for an array, use"):
        bu.from_hyperspy(COUNTS)
    with pytest.raises(ValueError, match=r"the signal \(6 x 5\) must have one energy axis"):
        bu.from_hyperspy(hs.signals.Signal2D(COUNTS[..., 0]))
    bare = hs.signals.Signal1D(COUNTS, metadata={"General": {"title": "map"}})
    with pytest.raises(ValueError, match="energy axis of signal 'map' is not calibrated"):
        bu.from_hyperspy(bare)
    with pytest.raises(ValueError, match="whole numbers of photons, got fractions"):
        bu.from_hyperspy(signal_of(COUNTS / 3))
    uneven = signal_of()
    uneven.axes_manager["x"].convert_to_non_uniform_axis()
    with pytest.raises(ValueError, match="axis 'x' of the signal must have even steps"):
        bu.from_hyperspy(uneven)
    with pytest.raises(ValueError, match=r"comes from bayesunmix\.unmix"):
        bu.to_hyperspy(bu.Unmixing(bu.Factorization(np.ones((1, 3)), np.ones((2, 1)))))


@pytest.mark.parametrize("kind", [hs.signals.Signal1D, exspy.signals.EDSTEMSpectrum])
@pytest.mark.parametrize("shape", [(30,), (6, 5), (3, 2, 5)])
def test_hyperspy_decomposes_with_the_estimator(kind, shape):
    counts = COUNTS.reshape(*shape, C)
    signal = kind(counts.astype(np.float64))
    estimator = Unmixer("nmf", n_components=K, navigation_shape=shape)
    mask = {"navigation_mask": None} if kind is exspy.signals.EDSTEMSpectrum else {}
    signal.decomposition(algorithm=estimator, **mask, **PLAIN)
    found = estimator.unmixing_.estimate
    expected = bu.unmix(bu.SpectrumImage(counts, np.arange(C)), K, "nmf", seed=0).estimate
    np.testing.assert_array_equal(found.abundances, expected.abundances)
    assert signal.learning_results.output_dimension == K
    np.testing.assert_array_equal(signal.get_decomposition_factors().data, expected.endmembers)
    loadings = signal.get_decomposition_loadings().data
    np.testing.assert_array_equal(loadings, np.moveaxis(expected.abundances.reshape(*shape, K), -1, 0))
    model = signal.get_decomposition_model()
    np.testing.assert_allclose(model.data, expected.expected().reshape(*shape, C), rtol=1e-6)
    np.testing.assert_array_equal(signal.data, counts)


def test_a_lazy_signal_in_chunks():
    signal = signal_of().as_lazy()
    signal.rechunk(nav_chunks=(2, 3))
    estimator = Unmixer("nmf", n_components=K)
    signal.decomposition(algorithm=estimator, **PLAIN)
    # HyperSpy fits all pixels, chunk after chunk, and then asks for the abundances of each chunk.
    maps = np.moveaxis(signal.get_decomposition_loadings().data, 0, -1)
    expected = estimator.transform(COUNTS.reshape(-1, C)).reshape(*SHAPE, K)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-3)


def test_masked_pixels_and_channels_are_not_seen():
    pixels, channels = np.zeros(SHAPE, bool), np.zeros(C, bool)
    pixels[:2], channels[:10] = True, True
    masks = {"navigation_mask": hs.signals.BaseSignal(pixels).T, "signal_mask": channels}
    signal, estimator = signal_of(), Unmixer("nmf", n_components=K)
    signal.decomposition(algorithm=estimator, **masks, **PLAIN)
    seen = bu.SpectrumImage(COUNTS[2:, :, 10:].reshape(-1, C - 10), np.arange(C - 10))
    expected = bu.unmix(seen, K, "nmf", seed=0).estimate
    np.testing.assert_array_equal(estimator.components_, expected.endmembers)
    loadings = signal.get_decomposition_loadings().data
    assert np.isnan(loadings[:, pixels]).all()
    np.testing.assert_array_equal(loadings[:, ~pixels].T, expected.abundances)
    signal.decomposition(algorithm=estimator, reproject="navigation", **masks, **PLAIN)
    loadings = signal.get_decomposition_loadings().data
    np.testing.assert_allclose(
        loadings.reshape(K, -1).T, estimator.transform(COUNTS.reshape(-1, C)[:, 10:]), rtol=1e-4, atol=1e-3
    )


def test_poisson_scaled_data_are_refused_and_left_as_they_were():
    """Exspy scales, and masks all pixels below a height of 1, unless it is told not to."""
    signal = signal_of(kind=exspy.signals.EDSTEMSpectrum)
    with pytest.raises(ValueError, match=r"got fractions.*decomposition\(normalize_poissonian_noise=False"):
        signal.decomposition(algorithm=Unmixer(n_components=K), output_dimension=K, print_info=False)
    # HyperSpy has scaled the counts and scaled them back: off in the last digit, which is forgiven.
    assert not np.array_equal(signal.data, COUNTS)
    np.testing.assert_array_equal(bu.from_hyperspy(signal).dense(), COUNTS)


def test_after_a_pca_of_hyperspy():
    signal = signal_of(kind=exspy.signals.EDSTEMSpectrum)
    signal.decomposition(navigation_mask=None, output_dimension=K, print_info=False)
    signal.decomposition(algorithm=Unmixer(n_components=K), navigation_mask=None, **PLAIN)
    expected = bu.unmix(bu.SpectrumImage(COUNTS.reshape(-1, C), np.arange(C)), K, "nmf", seed=0).estimate
    np.testing.assert_array_equal(signal.get_decomposition_factors().data, expected.endmembers)


TECHNIQUES = {
    "cathodoluminescence": ("Wavelength", 2.0, "nm", 350.0),
    "FTIR, descending": ("Wavenumber", -8.0, "1/cm", 4000.0),
    "electron energy loss": ("Energy loss", 0.1, "eV", 400.0),
    "not calibrated": (None, 1.0, None, 0.0),
}


def other_signal(technique, lazy=False):
    name, scale, units, offset = TECHNIQUES[technique]
    signal = signal_of(dtype=np.uint16)
    described = {"scale": scale, "offset": offset} | ({} if name is None else {"name": name, "units": units})
    channels = signal.axes_manager.signal_axes[0]
    if name is None:
        signal = hs.signals.Signal1D(COUNTS)
    else:
        channels.trait_set(**described)
    return signal.as_lazy() if lazy else signal


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_any_signal_becomes_an_image_and_its_result_signals_again(technique, lazy):
    name, scale, units, offset = TECHNIQUES[technique]
    signal = other_signal(technique, lazy)
    image = bu.from_hyperspy(signal, signal="any")
    np.testing.assert_array_equal(image.dense(), COUNTS[..., :: -1 if scale < 0 else 1])
    axis = image.spectral_axis
    assert (axis.name, axis.units, axis.signal) == (name or "Channel", units or "", "any")
    np.testing.assert_allclose(axis.values, np.sort(offset + scale * np.arange(C)))
    signals = bu.to_hyperspy(bu.unmix(image, K, Stub()))
    (channels,) = signals.endmembers.axes_manager.signal_axes
    assert (channels.name, str(channels.units or "")) == (axis.name, axis.units)
    assert channels.is_uniform
    np.testing.assert_allclose(channels.axis, axis.values)
    again = bu.from_hyperspy(other_signal(technique), signal="any")
    assert again.spectral_axis == axis


@pytest.mark.parametrize("technique", ["cathodoluminescence", "FTIR, descending"])
def test_a_signal_axis_that_is_no_energy_is_refused_with_the_way_out(technique):
    with pytest.raises(ValueError, match=r"which is no energy.*signal='any'"):
        bu.from_hyperspy(other_signal(technique))
    with pytest.raises(ValueError, match="for X-rays"):
        bu.from_hyperspy(other_signal(technique), 0.5, signal="any")


def test_a_signal_type_that_is_no_eds_is_said(caplog):
    signal = other_signal("electron energy loss")
    signal.set_signal_type("EELS")
    assert bu.from_hyperspy(signal).energy_kev[0] == pytest.approx(0.4)
    assert "says that its signal is EELS, and is read as X-rays" in caplog.text
    caplog.clear()
    bu.from_hyperspy(signal, signal="any")
    assert not caplog.records


def test_micro_xrf_is_read_in_kev():
    image = bu.from_hyperspy(signal_of(), signal="xrf")
    assert image.spectral_axis.signal == "xrf"
    (channels,) = bu.to_hyperspy(bu.unmix(image, K, Stub())).endmembers.axes_manager.signal_axes
    assert (channels.name, channels.units) == ("Energy", "keV")
