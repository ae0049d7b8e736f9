"""Describe channels and regions that do not fit: the worst ones in a sentence each, and how many there are."""

import numpy as np

from bayesunmix.checks.deviance import Cells, Deviances
from bayesunmix.checks.effect import Said, relative_misfit, say_share
from bayesunmix.checks.severity import coverage_of_map, coverage_of_scatter
from bayesunmix.data.info import ASK_RANK
from bayesunmix.data.spectral_axis import SpectralAxis

_MOST = 3  # described one by one


def group_names(axis: SpectralAxis, first: np.ndarray, last: np.ndarray) -> tuple[str, ...]:
    """Name groups of channels by the centres of the first and the last one."""
    return tuple(map(axis.say_range, first, last))


def say_channels(
    found: Deviances,
    axis: SpectralAxis,
    first: np.ndarray,
    last: np.ndarray,
    significant: float,
    counts: np.ndarray,
) -> list[Said]:
    """Describe ranges of channels whose maps are wrong; neighbouring groups, with `counts` (G,), are one range."""
    off = np.flatnonzero(found.p_value <= significant)
    ranges = np.split(off, np.flatnonzero(np.diff(off) > 1) + 1) if off.size else []
    deviance, expected, variance, inside = (
        np.array([part[j].sum() for j in ranges])
        for part in (found.deviance, found.expected, found.sd**2, counts)
    )
    merged = Deviances(
        tuple(axis.say_range(first[j[0]], last[j[-1]]) for j in ranges),
        deviance,
        expected,
        np.sqrt(variance),
        np.array([found.p_value[j].min() for j in ranges]),
    )
    cause = "; its map is no sum of the components' maps: a component too few?"
    said = [_said(merged, j, inside[j], counts.sum(), cause) for j in _worst(merged)]
    said[:1] = [one._replace(text=f"{one.text} {ASK_RANK}") for one in said[:1]]
    return said + _more(len(ranges), f"ranges of {'energies' if axis.is_xray else 'channels'}")


def say_regions(
    found: Deviances, cells: Cells, groups: tuple[str, ...], significant: float, counts: np.ndarray
) -> list[Said]:
    """Describe regions, with `counts` (R,), whose spectra are wrong, and where in the spectrum each is worst."""
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
        _said(
            chosen,
            j,
            counts[off[j]],
            counts.sum(),
            f", most of it at {groups[most[j]]}; a phase that the components cannot make?",
        )
        for j in _worst(chosen)
    ]
    of_map = coverage_of_map(chosen.deviance, chosen.expected, counts[off] / counts.sum())
    return [one._replace(coverage=of_map) for one in said] + _more(off.size, "regions")


def _worst(found: Deviances) -> list[int]:
    excess = (found.deviance - found.expected) / found.sd
    return [int(j) for j in np.argsort(-excess, kind="stable")[:_MOST]]


def _more(n: int, of: str) -> list[Said]:
    return [Said(f"And {n - _MOST} more {of}.", float("nan"))] if n > _MOST else []


def _said(found: Deviances, j: int, inside: float, total: float, cause: str) -> Said:
    """Say where, how large, and how certain: a share of all counts, of those there, and the deviance."""
    deviance, expected, sd = found.deviance[j], found.expected[j], found.sd[j]
    relative = relative_misfit(deviance, expected, inside)
    share = relative * inside / total
    name, size = found.names[j], f"up to {say_share(share)} of all counts do not fit"
    there = f"({say_share(relative)} of those there"
    text = f"{name}: {size} {there}; deviance {deviance:.0f} against {expected:.0f} +- {sd:.0f}){cause}"
    return Said(text, share, f"{size} at {name} {there})", coverage_of_scatter(deviance, expected))
