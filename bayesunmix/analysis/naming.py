"""Name components by the elements that they hold, such as "Ca-P-O".

An element is in the name of a component if its lines are a few percent of the component's counts and stand clear of
their error (`bayesunmix.spectra.element_shares`), also in the other solutions that fit as well. Three are named, the
strongest first. Elements that are similarly
strong in all components, such as the copper of a grid, distinguish nothing and come last. Oxygen, sulphur and
other elements that formulas write last are written last. Where two components would have one name, what differs is
added, or else a number.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.order import are_numbered
from bayesunmix.data.result import Unmixing
from bayesunmix.spectra.element_shares import ElementShares, element_shares

LEAST_SHARE = 0.03  # of the counts of the component,
BESIDE_STRONGEST = 0.1  # and of the share of its strongest element
CLEAR = 3.0  # standard deviations
NEAR_ZERO = 0.01  # of the counts of the component, in some solution that fits as well
MOST_NAMED = 3
# An element is as good as everywhere if no component has less than this of the largest share.
EVERYWHERE = 1 / 3
DIFFERS = 1.5  # times the share in the components of the same name
LEAST_COUNTS = 100.0
WEIGHTY = 0.01  # of all counts: a component with fewer does not say what is everywhere
_DRAWS = 40
#: What formulas write last.
_LAST = ("S", "Se", "Te", "I", "Br", "Cl", "N", "O", "F")


def named(result: Unmixing, image: SpectrumImage, rotations: np.ndarray | None = None) -> Unmixing:
    """Name the components of a blind X-ray result by their elements.

    Components keep their names if the method or the user gave them, if their spectra have negative values (`pca`,
    `ica`), if the spectra are not of X-rays, or if the sum spectrum shows no element beyond doubt.

    Parameters
    ----------
    result : Unmixing
        Its estimate is canonical, and its components are in their final order.
    image : SpectrumImage
        The image that was unmixed.
    rotations : (n, K, K) array, optional
        Solutions that fit as well (see `bayesunmix.data.rotations`). What one of them has hardly any of is not named.
    """
    estimate = result.estimate
    blind = are_numbered(result.names) and not any(result.known) and estimate.is_nonnegative
    if not (image.spectral_axis.is_xray and blind):
        return result
    counts = estimate.abundances.sum(axis=0)
    draws = None
    if result.posterior is not None:
        every = result.posterior.endmembers.reshape(-1, *estimate.endmembers.shape)
        draws = every[:: max(len(every) // _DRAWS, 1)]
    total = np.asarray(image.counts.sum(axis=0, dtype=np.int64), np.float64).ravel()
    others = None if rotations is None else np.maximum(rotations @ estimate.endmembers, 0)
    shares = element_shares(image.energy_kev, total, counts[:, None] * estimate.endmembers, draws, others)
    return replace(result, names=names_of(shares, counts))


def names_of(shares: ElementShares, counts: np.ndarray) -> tuple[str, ...]:
    """Make a name for each component from the shares of the elements.

    Parameters
    ----------
    shares : ElementShares
    counts : (K,) array
        Of the components; one with fewer than 100 is not named.
    """
    share, is_large = shares.share, counts >= max(LEAST_COUNTS, WEIGHTY * counts.sum())
    is_shown = (share >= np.maximum(LEAST_SHARE, CLEAR * shares.sd)) & (counts >= LEAST_COUNTS)[:, None]
    if shares.lowest is not None:
        is_shown &= shares.lowest >= np.maximum(NEAR_ZERO, shares.sd)
    least, most = share[is_large].min(axis=0, initial=1), share[is_large].max(axis=0, initial=0)
    is_everywhere = (least >= EVERYWHERE * most) & (is_large.sum() > 1)
    is_main = is_shown & (share >= BESIDE_STRONGEST * share.max(axis=1, keepdims=True, initial=0))
    rank = np.lexsort((-share, np.broadcast_to(is_everywhere, share.shape)), axis=1)
    strongest = share.argmax(axis=1) if share.size else np.zeros(len(share), int)
    chosen = [
        _chosen([e for e in row if main[e]], int(first))
        for row, main, first in zip(rank.tolist(), is_main, strongest, strict=True)
    ]
    for alike in _alike([_written(elements, shares.elements) for elements in chosen]):
        more = [_differing(share, is_shown, k, alike, chosen[k]) for k in alike]
        for k, element in zip(alike, more, strict=True):
            chosen[k] = chosen[k] + element
    return _distinct(
        [
            "-".join(_written(elements, shares.elements))
            or ("continuum" if smooth and total >= LEAST_COUNTS else f"component {k}")
            for k, (elements, smooth, total) in enumerate(zip(chosen, shares.is_smooth, counts, strict=True))
        ]
    )


def _chosen(ranked: list[int], strongest: int) -> list[int]:
    """Return the elements to name; what there is most of is among them."""
    named = ranked[:MOST_NAMED]
    return named if strongest in named or strongest not in ranked else [*named[:-1], strongest]


def _written(elements: Sequence[int], symbols: Sequence[str]) -> list[str]:
    """Write elements as formulas do: what is written last there comes last."""
    names = [symbols[e] for e in elements]
    return sorted(names, key=lambda name: _LAST.index(name) if name in _LAST else -1)


def _alike(written: list[list[str]]) -> list[list[int]]:
    """Group the components that hold the same elements, and begin with the same one."""
    groups: dict[tuple[str, frozenset[str]], list[int]] = {}
    for k, elements in enumerate(written):
        if elements:
            groups.setdefault((elements[0], frozenset(elements)), []).append(k)
    return [alike for alike in groups.values() if len(alike) > 1]


def _differing(
    share: np.ndarray, is_shown: np.ndarray, k: int, alike: Sequence[int], chosen: Sequence[int]
) -> list[int]:
    """Return the further element by which a component differs most from those of the same name, if there is one."""
    others = [j for j in alike if j != k]
    ratio = np.where(is_shown[k], share[k] / np.maximum(share[others].max(axis=0), 1e-9), 0)
    ratio[list(chosen)] = 0
    best = int(ratio.argmax())
    return [best] if ratio[best] >= DIFFERS else []


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Add a number to the second and further components of one name."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0)
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(found)
