"""Pictures of answers: a phase map, maps of lines, a denoised spectrum, for maps of one, two and three axes."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

import bayesunmix as bu
from bayesunmix.analysis.denoising import Band
from bayesunmix.analysis.intensities import LineIntensity
from bayesunmix.analysis.phase_maps import PhaseMap
from bayesunmix.plotting.band import plot_band
from bayesunmix.plotting.lines import plot_lines
from bayesunmix.plotting.phase_map import plot_phase_map
from bayesunmix.plotting.style import COLOURS

SHAPES = [(7,), (6, 8), (3, 6, 8)]


def image_of(shape):
    counts = np.random.default_rng(0).poisson(3, (*shape, 20))
    axes = tuple(bu.Axis(name, 2.0, "nm") for name in ("z", "y", "x")[-len(shape) :])
    return bu.SpectrumImage(counts, 1 + 0.1 * np.arange(20), axes=axes)


def drawn(figure):
    """Render a figure, and return whether all that is drawn lies inside it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box, boxes = figure.bbox, [axes.get_tightbbox(canvas.get_renderer()) for axes in figure.axes]
    return all(box.x0 <= b.x0 and b.x1 <= box.x1 and box.y0 <= b.y0 and b.y1 <= box.y1 for b in boxes)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_phase_map_has_the_colours_of_its_legend(shape):
    image = image_of(shape)
    labels = np.random.default_rng(1).integers(-2, 2, shape)
    found = PhaseMap(labels, np.full((*shape, 2), 0.5), 0.9, np.full((4, 2), 0.5))
    spectra = np.full((2, 20), 0.05)
    estimate = bu.Factorization(spectra, np.ones((image.n_pixels, 2)))
    result = bu.Unmixing(estimate, names=("Ni", "a phase with a long name"))
    figure = plot_phase_map(found, result, image)
    assert drawn(figure)
    (axes,) = figure.axes
    (picture,) = axes.images
    colours = picture.cmap(picture.norm(np.asarray(picture.get_array())))[..., :3]
    shown = np.atleast_2d(labels[tuple(n // 2 for n in shape[:-2])])
    for label, colour in ((0, COLOURS[0]), (1, COLOURS[1]), (-2, "0.75"), (-1, "white")):
        np.testing.assert_allclose(
            colours[shown == label], [to_rgb(colour)] * (shown == label).sum(), atol=0.005
        )
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    share = 100 * np.mean(labels[labels != -1] == 0)
    assert said[0] == f"Ni · {share:.1f} %" and said[2].startswith("undecided")
    assert ("z 2 of 3" in axes.get_title(loc="left")) is (len(shape) == 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_maps_of_lines_show_the_mean_and_the_width(shape):
    image = image_of(shape)
    mean = np.random.default_rng(1).gamma(2, size=shape)
    figure = plot_lines({"Ni_K": LineIntensity(mean, mean - 0.5, mean + 1.0)}, image, 0.8)
    assert drawn(figure)
    if len(shape) == 1:
        np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), mean)
        return
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    index = tuple(n // 2 for n in shape[:-2])
    np.testing.assert_array_equal(shown[0], mean[index])
    np.testing.assert_allclose(shown[1], 1.5)
    assert "width of the 80 % interval, counts" in [axes.get_ylabel() for axes in figure.axes]


def test_a_denoised_spectrum_lies_over_the_counts():
    energy = 1 + 0.1 * np.arange(20)
    counts = np.arange(20) % 5
    band = Band(counts + 0.5, counts + 0.2, counts + 0.9)
    figure = plot_band(energy, counts, band, 0.9)
    assert drawn(figure)
    measured, expected = figure.axes[0].lines
    np.testing.assert_array_equal(measured.get_ydata(), counts)
    np.testing.assert_array_equal(expected.get_ydata(), band.mean)
