"""Axes as pictures use them: in pixels where the file knows no step, and never a hairline."""

import math

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.data.grid import Axis, drawn_aspect, drawn_axes, pixel_aspect, scale_bar
from bayesunmix.plotting import plot_maps
from bayesunmix.plotting.phase_map import plot_phase_map

PIXELS = (Axis("y"), Axis("x"))
WRONG = [0, 0.0, math.nan, math.inf, -4.0, None, 1e-320, 1e308]


def pair(down, across, units="nm"):
    return Axis("y", down, units), Axis("x", across, units)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_map_with_a_wrong_step_is_drawn_in_square_pixels(wrong):
    for axes in (pair(wrong, 4.0), pair(4.0, wrong), pair(wrong, wrong)):
        assert drawn_axes(axes) == PIXELS
        assert pixel_aspect(axes) == 1
        assert scale_bar(drawn_axes(axes)[-1], 40) is None


def test_steps_that_cannot_both_be_right_are_none():
    assert drawn_axes(pair(1e-12, 1.0)) == drawn_axes(pair(1.0, 1e9)) == PIXELS
    assert drawn_axes((Axis("y"), Axis("x", 4.0, "nm"))) == PIXELS
    assert drawn_axes(pair(50.0, 1.0)) == pair(50.0, 1.0) and pixel_aspect(pair(50.0, 1.0)) == 50
    tilts = Axis("tilt", 0.0, "deg"), *pair(2.0, 4.0)
    assert drawn_axes(tilts) == (Axis("tilt"), *pair(2.0, 4.0)) and pixel_aspect(tilts) == 0.5
    apart = Axis("tilt", 5.0, "deg"), Axis("x", 0.01, "nm")
    assert drawn_axes(apart) == apart and pixel_aspect(apart) == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1024), (1024, 1), (1, 1), (6, 8), (3, 300)])
def test_a_map_is_never_a_hairline(height, width):
    drawn = drawn_aspect(pair(2.0, 2.0), height, width) * height / width
    assert 1 / 12.001 <= drawn <= 12.001
    if 1 / 12 < height / width < 12:
        assert drawn == pytest.approx(height / width)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1), (4, 3), (2, 3, 4), (2, 2, 3, 2), (9,), (1,)])
def test_every_shape_is_drawn_whatever_its_steps(shape, wrong):
    image, result = example(shape, wrong)
    plot_maps(result, image).canvas.draw()
    plot_phase_map(bu.phase_map(result, image), result, image).canvas.draw()
    for shown in (image, result):
        assert "could not be drawn" not in shown._repr_html_()
        assert "nan" not in repr(shown)


def test_a_notebook_shows_the_rest_where_a_picture_fails(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no colours")

    image, result = example((4, 3), 2.0)
    checks = bu.check(bu.unmix(image, 1, "nmf"), image)
    monkeypatch.setattr("bayesunmix.data.display.components.map_figure", fails)
    monkeypatch.setattr("bayesunmix.data.display.pictures.map_figure", fails)
    for shown in (image, result, checks):
        page = shown._repr_html_()
        assert "This picture could not be drawn: no colours" in page and "<svg" in page


def example(shape, step):
    rng = np.random.default_rng(0)
    axes = tuple(bu.Axis(f"axis{i}", step, "nm") for i in range(len(shape)))
    image = bu.SpectrumImage(rng.poisson(9, (*shape, 20)), 1 + 0.1 * np.arange(20), axes=axes)
    endmembers, totals = rng.dirichlet(np.ones(20), 2), image.total_map().reshape(-1, 1) / 2
    abundances = np.repeat(totals, 2, axis=1)
    draws = bu.Posterior(
        np.broadcast_to(endmembers, (1, 4, 2, 20)), abundances * rng.gamma(9, 1 / 9, (1, 4, 1, 2))
    )
    return image, bu.Unmixing(bu.Factorization(endmembers, abundances), draws, grid=image.grid)
