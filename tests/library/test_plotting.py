"""Pictures: what is drawn is what was found, for every kind of result and shape."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.data.grid import round_length
from bayesunmix.plotting import plot_maps, plot_spectra
from bayesunmix.spectra.peaks import find_peaks

ENERGY = 0.2 + 0.01 * np.arange(1000)


def spectrum(lines, background=20.0):
    """Expected counts of Gaussian lines {energy: counts} with a detector's width on a falling background."""
    width = np.sqrt(0.05**2 + 0.0025 * 0.45 * ENERGY)
    peaks = sum(
        n * 0.01 * np.exp(-0.5 * ((ENERGY - e) / width) ** 2) / width / 2.5066 for e, n in lines.items()
    )
    return peaks + background * np.exp(-ENERGY / 4)


CHROMIUM = {5.4147: 50_000, 5.9467: 6_700, 0.573: 4_000}
SILICON = {1.74: 60_000}


def example(shape=(6, 8), signed=False, draws=False, units="nm"):
    rng = np.random.default_rng(0)
    endmembers = np.array([spectrum(CHROMIUM), spectrum(SILICON)])
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    abundances = rng.gamma(2, 4000, (int(np.prod(shape)), 2))
    counts = rng.poisson(abundances @ endmembers).reshape(*shape, -1)
    image = bu.SpectrumImage(
        counts, ENERGY, axes=tuple(bu.Axis(f"axis{i}", 2.0, units) for i in range(len(shape)))
    )
    if signed:
        endmembers[1] -= 0.5 * endmembers[0]
        abundances[:, 1] -= abundances[:, 1].mean()
    posterior = None
    if draws:
        noise = rng.gamma(100, 0.01, (2, 20, 1, 1))
        posterior = bu.Posterior(endmembers * noise, abundances * noise)
    return bu.Unmixing(bu.Factorization(endmembers, abundances), posterior), image


def maps_of(figure):
    return [axes.images[0] for axes in figure.axes if axes.images]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_maps_are_the_abundances_pixel_by_pixel(tmp_path):
    result, image = example()
    figure = plot_maps(result, image)
    drawn = maps_of(figure)
    for k, shown in enumerate(drawn):
        np.testing.assert_allclose(shown.get_array(), result.estimate.abundances[:, k].reshape(6, 8))
        assert shown.get_interpolation() == "none"
        assert shown.get_clim()[0] == 0
    assert "2 nm" in texts(figure.axes[0])
    figure.savefig(tmp_path / "maps.png")


def test_signed_maps_are_centred_on_zero():
    result, image = example(signed=True)
    low, high = maps_of(plot_maps(result, image))[1].get_clim()
    assert low == -high


def test_no_scale_bar_without_calibration():
    assert texts(plot_maps(*example(units="px")).axes[0]) == []


def test_interval_widths_are_drawn_with_a_posterior():
    result, image = example(draws=True)
    drawn = maps_of(plot_maps(result, image))
    assert len(drawn) == 4
    lower, upper = result.posterior.interval(0.9)
    np.testing.assert_allclose(drawn[2].get_array().ravel(), (upper.abundances - lower.abundances)[:, 0])


@pytest.mark.parametrize("draws", [False, True])
def test_a_line_scan_is_curves(draws):
    result, image = example(shape=(30,), draws=draws)
    (axes,) = plot_maps(result, image).axes
    assert axes.get_xlabel() == "axis0 (nm)"
    np.testing.assert_allclose(axes.lines[1].get_ydata(), result.estimate.abundances[:, 1])
    assert len(axes.collections) == 2 * draws


def test_of_a_series_the_central_slice_is_drawn_and_said():
    result, image = example(shape=(5, 4, 3))
    figure = plot_maps(result, image)
    expected = result.estimate.abundances.reshape(5, 4, 3, 2)[2, ..., 0]
    np.testing.assert_allclose(maps_of(figure)[0].get_array(), expected)
    assert figure.get_suptitle() == "central slice: axis0 3 of 5"


def test_spectra_name_the_elements():
    result, image = example(draws=True)
    first, second = plot_spectra(result, image).axes
    assert texts(first) == ["Cr"]
    assert texts(second) == ["Si"]
    assert first.get_yscale() == "function"


def test_signed_spectra_are_linear_and_keep_their_sign():
    result, image = example(signed=True)
    _, second = plot_spectra(result, image).axes
    assert second.get_yscale() == "linear"
    assert second.get_ylim()[0] < 0


@pytest.mark.parametrize(
    ("wanted", "round_one"), [(1, 1), (1.99, 1), (2, 2), (7.3, 5), (0.049, 0.02), (340, 200)]
)
def test_round_length(wanted, round_one):
    assert round_length(wanted) == pytest.approx(round_one)


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_noise_alone_has_no_peaks(scale):
    rng = np.random.default_rng(5)
    for _ in range(20):
        assert find_peaks(ENERGY, rng.poisson(spectrum({}, 500 * scale))) == []


def test_a_gap_in_a_blind_endmember_is_no_peak():
    counts = spectrum({}, 500)
    counts[(ENERGY > 3.6) & (ENERGY < 3.8)] = 0
    assert find_peaks(ENERGY, np.random.default_rng(0).poisson(counts)) == []


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (CHROMIUM | SILICON, ["Si", "Cr"]),  # Cr K-beta is not manganese, Cr L-alpha not oxygen
        ({0.525: 20_000, 1.254: 30_000, 1.487: 9_000, 1.74: 40_000}, ["O", "Mg", "Al", "Si"]),
        ({8.046: 50_000, 8.905: 6_800, 0.93: 20_000}, ["Cu"]),  # Cu K-beta is not osmium
        ({2.307: 30_000}, ["S"]),  # no molybdenum without its L-beta
        ({4.6: 30_000}, [""]),  # between Ti and La: no name
    ],
)
def test_only_sure_peaks_get_a_name(lines, names):
    counts = np.random.default_rng(1).poisson(spectrum(lines))
    assert [peak.element for peak in find_peaks(ENERGY, counts)] == names


def test_pictures_show_themselves_in_a_notebook():
    for picture in (plot_maps(*example()), plot_spectra(*example())):
        assert picture._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("n_channels", [1, 2, 4, 5, 6])
def test_spectra_of_few_channels_are_drawn(n_channels):
    counts = np.random.default_rng(0).poisson(9, (3, 4, n_channels)) + 1
    image = bu.SpectrumImage(counts, np.arange(1.0, n_channels + 1))
    plot_spectra(bu.unmix(image, 1, "pca"), image).canvas.draw()
    found = find_peaks(image.energy_kev, image.sum_spectrum())
    assert all(1 <= peak.energy_kev <= n_channels for peak in found)


def test_pictures_leave_no_global_state():
    plot_maps(*example())
    import sys

    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
