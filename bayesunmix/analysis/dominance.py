"""Find the few pixels, or channels of pixels, that hold so many counts that a fit describes them and not the specimen.

A spark of the detector, a hot pixel or a sum written into the wrong place holds counts that no composition explains. A
fit of K components then spends one on it, and with nearly all counts in one place it spends all of them: it converges,
and its spectra have nothing to do with the specimen. A pixel of the specimen's own composition does no harm, but which
of the two it is only the user knows.

Counted are at most `MOST` places that hold `TIMES` as many counts as the next one. In photons alone, and in maps of
specimens, neighbours in the order of counts are nearly equal. Measured on `nicr_film`: where the fit asks for as many
components as there are, a pixel with a spectrum of its own turns the endmembers from a share of `PIXEL_SHARE` on, a
single channel of a pixel from `ENTRY_SHARE` on.
"""

from typing import NamedTuple

import numpy as np

from bayesunmix.data.image import SpectrumImage

MOST = 5  # places
TIMES = 4.0  # counts of the last of them over those of the next one
PIXEL_SHARE, ENTRY_SHARE = 0.05, 0.01  # of all counts
FEWEST_COUNTS = 50  # in such a place; of few counts chance gives many times those of the next one
FEWEST_PIXELS = 20  # for each place: of fewer pixels one may well hold most counts,
NEARLY_ALL, FAR = 0.9, 100.0  # unless one channel has such a share, and so many times the next one


class _Top(NamedTuple):
    places: np.ndarray
    share: float
    times: float


def dominated(image: SpectrumImage) -> str:
    """Say which pixels hold so many counts that a fit describes them, how many, and how to mask them.

    Returns
    -------
    str
        At most two sentences; empty where the counts are spread over the specimen.
    """
    totals = image.total_map().ravel()
    n_pixels = int(np.count_nonzero(totals))
    pixels = _standing_out(totals, n_pixels, of_entries=False)
    if pixels is not None and pixels.share >= PIXEL_SHARE:
        return _sentence(image, pixels, pixels.places, _where(image, pixels.places))
    entries = _standing_out(image.counts.data, n_pixels, of_entries=True)
    if entries is not None and entries.share >= ENTRY_SHARE:
        rows = np.searchsorted(image.counts.indptr, entries.places, side="right") - 1
        return _sentence(image, entries, rows, _where_entries(image, rows, entries.places))
    return ""


def _standing_out(counts: np.ndarray, n_pixels: int, *, of_entries: bool) -> _Top | None:
    """Return the places with the most counts, down to the last wide gap; None without one."""
    most = min(max(min(MOST, n_pixels // FEWEST_PIXELS), 1), counts.size - 1)
    if most < 1:
        return None
    top = np.argpartition(counts, counts.size - most - 1)[-most - 1 :]
    top = top[np.argsort(-counts[top].astype(np.float64), kind="stable")]
    values = counts[top].astype(np.float64)
    times = values[:-1] / np.maximum(values[1:], 1)
    gaps = np.flatnonzero((times >= TIMES) & (values[:-1] >= FEWEST_COUNTS))
    if gaps.size == 0:
        return None
    k = int(gaps[-1]) + 1
    share, far = values[:k].sum() / counts.sum(dtype=np.float64), times[k - 1]
    if n_pixels < FEWEST_PIXELS and not (of_entries and share >= NEARLY_ALL and far >= FAR):
        return None
    return _Top(np.sort(top[:k]), float(share), float(far))


def _where(image: SpectrumImage, pixels: np.ndarray) -> str:
    """Name pixels; of a single one that has most of its counts in one channel, name this too."""
    named = _named(image, pixels)
    row = image.counts[[pixels[0]]]
    if pixels.size > 1:
        return f"{pixels.size} pixels ({named}) hold"
    if 2 * int(row.data.max()) > int(row.data.sum(dtype=np.int64)):
        return f"One channel of one pixel ({named}; {_energy(image, row.indices[row.data.argmax()])}) holds"
    return f"One pixel ({named}) holds"


def _where_entries(image: SpectrumImage, pixels: np.ndarray, entries: np.ndarray) -> str:
    named = "; ".join(
        f"{_named(image, pixel[None])}; {_energy(image, channel)}"
        for pixel, channel in zip(pixels, image.counts.indices[entries], strict=True)
    )
    return (
        f"One channel of one pixel ({named}) holds"
        if pixels.size == 1
        else f"{pixels.size} channels of pixels ({named}) hold"
    )


def _sentence(image: SpectrumImage, top: _Top, pixels: np.ndarray, where: str) -> str:
    index = np.unravel_index(np.unique(pixels), image.navigation_shape)
    marked = ", ".join(str(part.tolist()) if part.size > 1 else str(part[0]) for part in index)
    whole = f"np.ones({image.navigation_shape}, bool)" if image.mask is None else "image.mask.copy()"
    times = f"{top.times:,.0f}" if top.times >= 10 else f"{top.times:.1f}"
    return (
        f"{where} {_percent(top.share)} of all counts, {times} times as many as any other: a fit may describe that "
        "place and not the specimen. Unless it is real, mask it: "
        f"mask = {whole}; mask[{marked}] = False; image = image.within(mask); for the "
        'command line np.save("mask.npy", mask) and --mask mask.npy.'
    )


def _named(image: SpectrumImage, pixels: np.ndarray) -> str:
    """Write the numbers of pixels along the axes, such as "y 12, x 16"."""
    indices = np.transpose(np.unravel_index(pixels, image.navigation_shape))
    names = [axis.name for axis in image.axes]
    return "; ".join(
        ", ".join(f"{name} {i}" for name, i in zip(names, index, strict=True)) for index in indices
    )


def _energy(image: SpectrumImage, channel: int) -> str:
    return f"channel {channel}, {image.spectral_axis.say(image.spectral_axis.values[channel])}"


def _percent(share: float) -> str:
    """Write a share; one of nearly all counts is not rounded to 100 %."""
    percent = 100 * share
    return (
        f"{percent:.1f} %" if percent < 99 else "more than 99.9 %" if percent > 99.9 else f"{percent:.2f} %"
    )
