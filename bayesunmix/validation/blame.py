"""Bound what a label map can be blamed for, phase by phase, and say it.

See `bayesunmix.validation.confusion` for the bounds.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import ndtr, ndtri

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.case import Case
from bayesunmix.validation.claimed_components import Matched
from bayesunmix.validation.counts_needed import counts_for
from bayesunmix.validation.finding import Evidence, say_number
from bayesunmix.validation.photon_sums import PhotonSums, Products, photon_sums
from bayesunmix.validation.solutions import Solutions

INTERVAL, Z = 0.9, 1.6448536269514722
CERTAIN = 3.0  # standard errors by which a bound must lie on one side for more photons not to matter


class Part(NamedTuple):
    """Hold a share: its mean and counting error, its values under draws (D,) and other solutions (n,), and its leak."""

    mean: float
    counting_sd: float
    draws: np.ndarray
    others: np.ndarray
    leak: float = 0.0


@dataclass(frozen=True, eq=False)
class Row:
    """Hold the photons of one area of one phase, and how other spectra would read them.

    Parameters
    ----------
    sums : PhotonSums
        With the weights of the mean spectra.
    turns, other_turns : (D, M, M) and (n, M, M) arrays
        Turn shares by the mean spectra into shares by a draw of the spectra, and by another solution.
    leak : float
        Largest error of the shares, because spectra that are taken together are not the same.
    """

    sums: PhotonSums
    turns: np.ndarray
    other_turns: np.ndarray
    leak: float

    @property
    def share(self) -> np.ndarray:
        """Return the shares of the counts, (M,)."""
        return self.sums.share

    @property
    def sd(self) -> np.ndarray:
        """Return their standard deviations, of counting and of the spectra, (M,)."""
        of_draws = (self.turns @ self.share).std(axis=0) if len(self.turns) else 0.0
        return np.asarray(np.hypot(np.sqrt(np.diag(self.sums.scatter) / self.sums.counts), of_draws))

    def part(self, form: np.ndarray, of: str = "counts") -> "Part":
        """Return a linear form of the shares with its errors."""
        by_counts = of == "counts"
        value = self.sums.share if by_counts else self.sums.of_pixels
        noise = self.sums.scatter / self.sums.counts if by_counts else self.sums.of_pixels_noise
        sd = float(np.sqrt(max(form @ noise @ form, 0)))
        return Part(
            float(form @ value), sd, self.turns @ value @ form, self.other_turns @ value @ form, self.leak
        )


def row_of(
    found: Solutions, grouped: sparse.csr_array, weights: np.ndarray, mask: np.ndarray, around: np.ndarray
) -> Row | None:
    """Sum the photons of an area; None where there are none."""
    sums = photon_sums(grouped, weights, mask, around)
    if sums is None:
        return None
    turns, others = (
        np.linalg.inv(weights @ np.swapaxes(spectra, 1, 2)) for spectra in (found.draws, found.others)
    )
    leak = np.abs(weights @ found.differences.T).sum(axis=0).max(initial=0.0)
    return Row(sums, turns, others, float(leak))


def only_possible(rows: list[dict[str, Row | None]]) -> list[dict[str, Row | None]]:
    """Leave out other solutions that the sums contradict: shares, and mean products of two shares, are not negative."""
    wholes = [row for areas in rows if (row := areas["whole"]) is not None]
    if not wholes:
        return rows
    possible = np.all([_is_possible(row) for row in wholes], axis=0)
    possible[0] = True  # that of the estimate
    return [
        {
            name: row if row is None else replace(row, other_turns=row.other_turns[possible])
            for name, row in areas.items()
        }
        for areas in rows
    ]


def _is_possible(row: Row) -> np.ndarray:
    turns, size = row.other_turns, len(row.share)
    drawn = row.turns @ row.share if len(row.turns) else row.share[None]
    noise = row.sums.scatter / row.sums.counts + np.cov(drawn.T, bias=True).reshape(size, size)
    sd = np.sqrt(np.einsum("nij,jk,nik->ni", turns, noise, turns))
    possible = (turns @ row.share >= -CERTAIN * sd - row.leak).all(axis=1)
    for products in row.sums.products:
        of_draws = row.turns @ products.values @ np.swapaxes(row.turns, 1, 2)
        for j in range(size):
            for k in range(j):
                form = np.zeros((size, size))
                form[j, k] = form[k, j] = 0.5
                forms = np.swapaxes(turns, 1, 2) @ form @ turns
                mean = np.sum(forms * products.values, axis=(1, 2))
                spread = np.einsum("nij,dij->nd", forms, of_draws).std(axis=1) if len(of_draws) else 0.0
                counting = np.array([products.sd_of(one) for one in forms])
                possible &= mean >= -CERTAIN * np.hypot(counting, spread) - row.leak
    return possible


def quantity(part: Part) -> Quantity:
    """Return a number with its errors: of counting, of the spectra, and the range over other solutions."""
    mean, counting_sd, draws, others, leak = part
    endmember_sd = float(np.std(draws)) if len(draws) else 0.0
    arm = Z * float(np.hypot(counting_sd, endmember_sd))
    feasible = (min(float(np.min(others)), mean) - leak, max(float(np.max(others)), mean) + leak)
    lower, upper = feasible[0] - arm, feasible[1] + arm
    limit = None if lower > 0 else upper
    is_open = len(draws) > 0 or leak > 0
    return Quantity(
        mean, lower, upper, INTERVAL, limit, counting_sd, endmember_sd, feasible if is_open else None
    )


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
    bounds = [_bound(whole, products, _excess(own, others)) for products in whole.sums.products]
    z = float(ndtri(1 - (1 - INTERVAL) / 2 / len(bounds)))
    least = [_ends(q)[0] - whole.leak for q in bounds]
    low = int(np.argmax([end - z * q.sd for end, q in zip(least, bounds, strict=True)]))
    p_values = [
        ndtr((case.tolerance.content - end) / max(q.sd, 1e-9)) for end, q in zip(least, bounds, strict=True)
    ]
    square = _bound(whole, whole.sums.products[0], _square_of_rest(own, len(whole.share)))
    linear = quantity(_rest(whole, own))
    high = min(square, linear, key=lambda q: q.upper)
    # What a core holds is no mixture of a boundary.
    high = linear if core is None else max(high, quantity(_rest(core, own)), key=lambda q: q.upper)
    lower = least[low] - z * bounds[low].sd
    upper = max(high.upper + whole.leak, lower)
    if found.is_merged[own]:
        upper = max(upper, 1.0)
    ends = (max(least[low], 0.0), max(_ends(high)[1] + whole.leak, least[low], 0.0))
    wrong = Quantity(
        sum(ends) / 2,
        lower,
        upper,
        INTERVAL,
        None if lower > 0 else upper,
        max(bounds[low].counting_sd, high.counting_sd),
        max(bounds[low].endmember_sd, high.endmember_sd),
        ends,
    )
    return Blame(wrong, float(min(1.0, len(bounds) * min(p_values))))


def _ends(q: Quantity) -> tuple[float, float]:
    """Return the range over other solutions; twice the mean where there are none."""
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
    about = (f"phase {name}", "Is it what its label says?", "confusion")
    if blamed is None:
        holds = _mostly(whole.share, columns, range(len(columns)))
        return Evidence(
            *about,
            f"The unmixing has no component of its own for phase {name}, which holds mostly {holds}",
            exact="undecidable",
            remedy="an unmixing with more components, or with known spectra, may tell it from the others",
        )
    rest = [k for k in range(len(columns)) if k != own]
    parts = [f"phase {name} holds {_say(quantity(_rest(whole, own)))} of something else"]
    if rest and whole.share[rest].max() > max(0.0, 2 * whole.sd[rest][whole.share[rest].argmax()]):
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
        return np.inf, f"a pure area of {name}, or lines that only it has, would (assume=)"
    if has_no_core:
        return np.inf, f"phase {name} has no pixel away from its boundaries"
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


def _say(q: Quantity) -> str:
    """Write a share and its error in percent, to the second digit of the error."""
    error = 100 * q.sd
    places = max(int(np.ceil(-np.log10(max(error, 1e-6)))), 0) if error < 10 else 0
    places = min(places, 3)
    return f"{max(100 * q.mean, 0.0):.{places}f} +- {error:.{places}f} %"
