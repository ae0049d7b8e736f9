"""Describe channels and regions that do not fit: the worst ones in a sentence each, and how many there are."""

import numpy as np

from bayesunmix.checks.deviance import Cells, Deviances
from bayesunmix.data.spectral_axis import SpectralAxis

_MOST = 3  # described one by one


def group_names(axis: SpectralAxis, first: np.ndarray, last: np.ndarray) -> tuple[str, ...]:
    """Name groups of channels by the centres of the first and the last one."""
    return tuple(map(axis.say_range, first, last))


def say_channels(
    found: Deviances, axis: SpectralAxis, first: np.ndarray, last: np.ndarray, significant: float
) -> list[str]:
    """Describe ranges of channels whose maps are wrong; neighbouring groups are one range."""
    off = np.flatnonzero(found.p_value <= significant)
    ranges = np.split(off, np.flatnonzero(np.diff(off) > 1) + 1) if off.size else []
    deviance, expected, variance = (
        np.array([part[j].sum() for j in ranges]) for part in (found.deviance, found.expected, found.sd**2)
    )
    merged = Deviances(
        tuple(axis.say_range(first[j[0]], last[j[-1]]) for j in ranges),
        deviance,
        expected,
        np.sqrt(variance),
        np.array([found.p_value[j].min() for j in ranges]),
    )
    said = [
        f"{merged.names[j]}: {_numbers(merged, j)}; its map is no sum of the components' maps: a component too few?"
        for j in _worst(merged)
    ]
    return said + _more(len(ranges), f"ranges of {'energies' if axis.is_xray else 'channels'}")


def say_regions(found: Deviances, cells: Cells, groups: tuple[str, ...], significant: float) -> list[str]:
    """Describe regions whose spectra are wrong, and where in the spectrum each is worst."""
    off = np.flatnonzero(found.p_value <= significant)
    chosen = Deviances(
        tuple(found.names[j] for j in off),
        found.deviance[off],
        found.expected[off],
        found.sd[off],
        found.p_value[off],
    )
    most = ((cells.deviance - cells.mean) / np.sqrt(np.maximum(cells.variance, 1e-3)))[off].argmax(axis=1)
    said = [
        f"{chosen.names[j]}: {_numbers(chosen, j)}, most of it at {groups[most[j]]}; a phase that the components "
        "cannot make?"
        for j in _worst(chosen)
    ]
    return said + _more(off.size, "regions")


def _worst(found: Deviances) -> list[int]:
    excess = (found.deviance - found.expected) / found.sd
    return [int(j) for j in np.argsort(-excess, kind="stable")[:_MOST]]


def _more(n: int, of: str) -> list[str]:
    return [f"And {n - _MOST} more {of}."] if n > _MOST else []


def _numbers(found: Deviances, j: int) -> str:
    return f"deviance {found.deviance[j]:.0f} against {found.expected[j]:.0f} +- {found.sd[j]:.0f}"
