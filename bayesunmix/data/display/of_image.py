"""Describe an image in words and pictures, for `repr` and notebooks."""

import numpy as np

from bayesunmix.data.display.components import image_map, spectrum_figure
from bayesunmix.data.display.html import drawn_or_said, frame, side_by_side
from bayesunmix.data.display.text import brief
from bayesunmix.data.grid import Grid, say_axis


def image_text(grid: Grid, n_photons: int) -> str:
    """Describe an image in two lines."""
    size = " x ".join(map(str, grid.shape))
    axes = [say_axis(axis, n) for axis, n in zip(grid.axes, grid.shape, strict=False)]
    n_used = np.prod(grid.shape[:-1]) if grid.mask is None else grid.mask.sum()
    return brief(
        [
            f"<SpectrumImage {size}, {', '.join(_facts(grid, n_photons))}>",
            f"axes: {', '.join(axes)}; mean {n_photons / n_used:.3g} counts per pixel",
        ]
    )


def image_html(grid: Grid, totals: np.ndarray, spectrum: np.ndarray) -> str:
    """Draw the counts of each pixel, (P,), and of each channel, (C,)."""
    caption = "counts in all, square-root scale"
    in_map = drawn_or_said(image_map, totals, grid, "counts")
    in_all = drawn_or_said(spectrum_figure, grid.spectral_axis, spectrum, caption)
    pictures = side_by_side([in_map, in_all])
    facts = [" x ".join(map(str, grid.shape)), *_facts(grid, int(totals.sum()))]
    return frame("SpectrumImage", facts, [pictures])


def _facts(grid: Grid, n_photons: int) -> list[str]:
    where = "" if grid.mask is None else f" in {grid.mask.sum()} of {grid.mask.size} pixels"
    return [grid.spectral_axis.say_axis(), f"{n_photons} counts{where}"]
