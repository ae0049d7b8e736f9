"""Read the photons of one area by the spectra of a result, by their draws, and by the other solutions."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import sparse

from bayesunmix.analysis.quantity import HALF_90, Quantity
from bayesunmix.validation.amounts.photon_sums import PhotonSums, photon_sums
from bayesunmix.validation.amounts.solutions import Solutions

INTERVAL = 0.9
CERTAIN = 3.0  # standard errors below zero, from which on a sum contradicts a solution


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
        return np.asarray(
            np.hypot(np.sqrt(np.maximum(np.diag(self.sums.scatter), 0) / self.sums.counts), of_draws)
        )

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
    arm = HALF_90 * float(np.hypot(counting_sd, endmember_sd))
    feasible = (min(float(np.min(others)), mean) - leak, max(float(np.max(others)), mean) + leak)
    lower, upper = feasible[0] - arm, feasible[1] + arm
    limit = None if lower > 0 else upper
    is_open = len(draws) > 0 or leak > 0
    return Quantity(
        mean, lower, upper, INTERVAL, limit, counting_sd, endmember_sd, feasible if is_open else None
    )
