"""Bound what a label map can be blamed for, phase by phase, and say it.

See `bayesunmix.validation.amounts.confusion` for the bounds.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaincc, gammaincinv

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.amounts.claimed_components import Matched
from bayesunmix.validation.amounts.counts_needed import counts_for
from bayesunmix.validation.amounts.photon_rows import CERTAIN, INTERVAL, Part, Row, quantity
from bayesunmix.validation.amounts.photon_sums import BLOCKS, Products
from bayesunmix.validation.amounts.solutions import Solutions
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence
from bayesunmix.validation.words import say_number, say_phase, say_with_error

BLUNT = 0.1  # error of a bound on a share, from which on it tells nothing
LEAST_SKEWNESS = 0.02


class Blame(NamedTuple):
    """Hold what a label map can be blamed for, and the probability of such counts if that were just tolerable."""

    wrong: Quantity
    p_against: float


def blame(
    areas: dict[str, Row | None], phase: int, matching: Matched, found: Solutions, case: Case
) -> Blame | None:
    """Return how much more of another phase than of their own the pixels of a phase hold, per count.

    None for a phase without photons, or without a component of its own.
    """
    whole, core, own = areas["whole"], areas["core"], int(matching.component[phase])
    if whole is None or not matching.is_own[phase]:
        return None
    others = np.array([k != own and _is_other(k, matching, found) for k in range(len(whole.share))])
    # The lower bound holds for blocks of any size; which one is sharpest depends on how the errors lie.
    form = _excess(own, others)
    bounds = [_lower(whole, products, form, case.tolerance.content) for products in whole.sums.products]
    low = max(bounds, key=lambda bound: bound.lower)
    square = _bound(whole, whole.sums.products[0], _square_of_rest(own, len(whole.share)))
    linear = quantity(_rest(whole, own))
    high = min(square, linear, key=lambda q: q.upper)
    # What a core holds is no mixture of a boundary.
    high = linear if core is None else max(high, quantity(_rest(core, own)), key=lambda q: q.upper)
    upper = max(high.upper + whole.leak, low.lower)
    if found.is_merged[own]:
        upper = max(upper, 1.0)
    ends = (max(low.mean, 0.0), max(_ends(high)[1] + whole.leak, low.mean, 0.0))
    wrong = Quantity(
        sum(ends) / 2,
        low.lower,
        upper,
        INTERVAL,
        None if low.lower > 0 else upper,
        max(low.counting_sd, high.counting_sd),
        max(low.endmember_sd, high.endmember_sd),
        ends,
    )
    return Blame(wrong, min(1.0, len(bounds) * min(bound.p_value for bound in bounds)))


class _Lower(NamedTuple):
    mean: float
    lower: float
    counting_sd: float
    endmember_sd: float
    p_value: float


def _lower(row: Row, products: Products, form: np.ndarray, tolerance: float) -> _Lower:
    """Return a lower bound, its lower end, and the probability of as large a one at the tolerance.

    One of as many is chosen, and each takes its part of the error rate. A bound with an error beyond `BLUNT` tells
    nothing.
    """
    q = _bound(row, products, form)
    mean = _ends(q)[0] - row.leak
    if q.sd > BLUNT:
        return _Lower(min(mean, 0.0), -1.0, q.counting_sd, q.endmember_sd, 1.0)
    # A gamma distribution with the same skewness.
    shape = 4 / max(products.skewness_of(form), LEAST_SKEWNESS) ** 2
    arm = (gammaincinv(shape, 1 - (1 - INTERVAL) / 2 / len(BLOCKS)) - shape) / np.sqrt(shape)
    z = (mean - tolerance) / max(q.sd, 1e-9)
    p_value = gammaincc(shape, max(shape + z * np.sqrt(shape), 0.0))
    return _Lower(mean, float(mean - arm * q.sd), q.counting_sd, q.endmember_sd, float(p_value))


def _ends(q: Quantity) -> tuple[float, float]:
    """Return the range over other solutions; the mean twice where there are none."""
    return q.feasible or (q.mean, q.mean)


def evidence_of(
    areas: dict[str, Row | None],
    phase: int,
    matching: Matched,
    blamed: Blame | None,
    columns: tuple[str, ...],
    case: Case,
) -> Evidence:
    """Say how much of a phase is something else, and what a label map can be blamed for."""
    name, own, tolerance = case.names[phase], int(matching.component[phase]), case.tolerance.content
    whole, core = areas["whole"], areas["core"]
    assert whole is not None
    about = (say_phase(name), "Is it what its label says?", "confusion")
    if blamed is None:
        holds = _mostly(whole.share, columns, range(len(columns)))
        return Evidence(
            *about,
            f"The unmixing has no component of its own for {say_phase(name)}, which holds mostly {holds}",
            exact="undecidable",
            remedy="an unmixing with more components, or with known spectra, may tell it from the others",
        )
    rest = [k for k in range(len(columns)) if k != own]
    something = quantity(_rest(whole, own))
    parts = [f"{say_phase(name)} holds {_say(something)} of something else"]
    if something.identified == "no":
        parts.append("as other solutions fit as well")
    elif rest and whole.share[rest].max() > max(0.0, 2 * whole.sd[rest][whole.share[rest].argmax()]):
        parts.append(f"mostly {_mostly(whole.share, columns, rest)}")
    if core is not None:
        parts.append(f"and {_say(quantity(_rest(core, own)))} in its core")
    wrong = blamed.wrong
    low, high = (round(min(max(end, 0.0), 1.0), 3) for end in (wrong.lower, wrong.upper))
    more = f"{100 * low:g} to {say_number(high)}"
    counts_needed, remedy = _decides(
        wrong, tolerance, case, core is None, name, whole.leak, len(whole.other_turns) > 1
    )
    return Evidence(
        *about,
        f"{', '.join(parts)}; the best label map would put {more} more of its counts under their own name".replace(
            "phase", "Phase", 1
        ),
        effect=wrong,
        tolerance=tolerance,
        p_against=blamed.p_against,
        counts_needed=counts_needed,
        remedy=remedy,
    )


def _decides(
    wrong: Quantity, tolerance: float, case: Case, has_no_core: bool, name: str, leak: float, is_open: bool
) -> tuple[float | None, str]:
    """Return the counts per pixel that would decide, inf where none would, and what would then."""
    assert wrong.feasible is not None
    low, high = wrong.feasible
    per_pixel = float(case.image.n_photons / max(case.image.takes_part.sum(), 1))
    gap, arm = (
        (tolerance - high, wrong.upper - high) if high < tolerance else (low - tolerance, low - wrong.lower)
    )
    if gap > 0:
        return counts_for(per_pixel, arm, gap), ""
    # Both bounds lie on either side of the tolerance; with fewer photons they may do so by chance.
    if high - tolerance < wrong.sd * CERTAIN:
        return None, "more counts per pixel would"
    if leak > tolerance:
        return np.inf, "the spectra are too alike"
    if is_open:
        known = f"knowing a pure area of {name}, or an element that only it has, would"
        return np.inf, f"{known}: unmix with assume= and pass the result"
    if has_no_core:
        return np.inf, f"{say_phase(name)} has no pixel away from its boundaries"
    return np.inf, f"the pixels of {name} are mixtures, and a label cannot say more of them"


def _is_other(component: int, matching: Matched, found: Solutions) -> bool:
    """Return True for what is another phase for certain: claimed elsewhere, or a spectrum that is known."""
    return bool(matching.claimed_by[component] >= 0 or found.surely[component])


def _excess(own: int, others: np.ndarray) -> np.ndarray:
    """Return the form of the sum over other phases of f_j (f_j - f_own)."""
    form = np.diag(others.astype(np.float64))
    form[own, others] = form[others, own] = -0.5
    return form


def _square_of_rest(own: int, size: int) -> np.ndarray:
    rest = (np.arange(size) != own).astype(np.float64)
    return np.outer(rest, rest)


def _rest(row: Row, own: int) -> Part:
    """Return what is not the own component: the shares sum to one, so it is the sum of the others."""
    return row.part((np.arange(len(row.share)) != own).astype(np.float64))


def _bound(row: Row, products: Products, form: np.ndarray) -> Quantity:
    """Return the mean of a quadratic form with its errors."""
    mean = products.mean_of(form, np.eye(len(form)))
    draws = np.array([products.mean_of(form, turn) for turn in row.turns])
    others = np.array([products.mean_of(form, turn) for turn in row.other_turns])
    return quantity(Part(mean, products.sd_of(form), draws, others))


def _mostly(share: np.ndarray, columns: tuple[str, ...], among: list[int] | range) -> str:
    return columns[max(among, key=lambda k: share[k])]


def _say(share: Quantity) -> str:
    """Write a share, or only its range where other solutions leave it open."""
    if share.identified == "no":
        lower, upper = (100 * min(max(end, 0.0), 1.0) for end in (share.lower, share.upper))
        return f"{lower:.0f} to {upper:.0f} %"
    return say_with_error(max(share.mean, 0.0), share.sd)
