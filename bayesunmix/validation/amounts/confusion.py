r"""Tell how much of a map is not what its label says, and what it is instead.

Every photon of a pixel votes for the spectra with weights that are unbiased
(`bayesunmix.validation.amounts.photon_weights`). The sums over the pixels of a label are a row of a confusion table:
phases claimed against components found, in shares of the counts. It is that of remote sensing [1]_, with the photons
as the reference sample. The spectra are those of an unmixing, never those of the claim.

A right map holds something else too: pixels at a boundary are mixtures, and the best label map gives each to the phase
that it has most of. What a label map can be blamed for is how much more its pixels have of another phase than of their
own, :math:`r = \max(0, \max_j f_j - f_l)` for a pixel with label l and shares f. Its mean is bounded without a prior,
as each pixel obeys

.. math:: \sum_{j \ne l} f_j (f_j - f_l) \;\le\; r \;\le\; (1 - f_l)^2 \;\le\; 1 - f_l,

and mean products of shares are estimated by pairs of photons (`bayesunmix.validation.amounts.photon_sums`). The lower
bound also holds for sums over blocks of pixels. A claim is contradicted by the lower bound, and supported by the
upper one and by the content of the core. In between, its pixels are mixed too evenly for a label map to be right or
wrong.

References
----------
.. [1] P. Olofsson et al., "Good practices for estimating area and assessing accuracy of land change", Remote Sensing of
   Environment 148 (2014) 42-57.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.amounts.blame import blame, evidence_of
from bayesunmix.validation.amounts.claimed_components import Matched, matched
from bayesunmix.validation.amounts.photon_rows import Part, Row, only_possible, quantity, row_of
from bayesunmix.validation.amounts.photon_sums import counts_around
from bayesunmix.validation.amounts.solutions import Solutions, solutions_of
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import Evidence


@dataclass(frozen=True, eq=False)
class Table:
    """Hold what the labels hold, in shares of the counts of each.

    Parameters
    ----------
    shares : (K, M) array
        Rows are claimed phases, columns are components found. Unbiased, so that some are below zero within their error.
        NaN where a phase has no photon.
    counting_sd, endmember_sd : (K, M) arrays
    lower, upper : (K, M) arrays
        Ends of 90 % intervals, with the other solutions that fit as well.
    counts, pixels : (K,) int arrays
        Size of each phase.
    """

    shares: np.ndarray
    counting_sd: np.ndarray
    endmember_sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    counts: np.ndarray
    pixels: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """Return the standard deviations, of counting and of the spectra together, (K, M)."""
        return np.hypot(self.counting_sd, self.endmember_sd)


@dataclass(frozen=True, eq=False)
class Confusion:
    """Hold how much of a map is not what its label says.

    Parameters
    ----------
    names : tuple of K str
        Claimed phases, the rows of the tables.
    columns : tuple of M str
        Components found, named by the phase that each is; "... (not claimed)" for one that no phase claims.
    component : (K,) int array
        Column of each phase; -1 for a phase that is none for certain.
    is_own : (K,) bool array
        False for a phase that the result has no component of its own for: it may be what another phase is.
    members : tuple of K tuples of int
        Components of the result that each phase is: one, none, or several that cannot be told apart.
    whole, core, rim : Table
        All pixels of each phase, those of its core, and the rest.
    share : Quantity or None
        Share of the counts of the labelled map that is not what its label says. None where no phase has a component.
    of_pixels : Quantity or None
        The same as a mean over the pixels, which weighs dim and bright ones alike.
    areas : tuple of (Quantity or None)
        For each phase, the mean share that the labelled pixels have of its component, whatever their label. None for
        phases without a component, or that share one.
    wrong : tuple of (Quantity or None)
        For each phase, how much more of another phase its pixels hold than of their own, per count: what a better label
        map would mend. `feasible` is the range that its bounds and the other solutions leave.
    evidence : tuple of Evidence
    warnings : tuple of str
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    component: np.ndarray
    is_own: np.ndarray
    members: tuple[tuple[int, ...], ...]
    whole: Table
    core: Table
    rim: Table
    share: Quantity | None
    of_pixels: Quantity | None
    areas: tuple[Quantity | None, ...]
    wrong: tuple[Quantity | None, ...]
    evidence: tuple[Evidence, ...]
    warnings: tuple[str, ...] = ()


def confusion(case: Case, result: Unmixing) -> Confusion:
    """Tell how much of each phase is something else, and of the whole map.

    Parameters
    ----------
    case : Case
    result : Unmixing
        Of `case.image`: with a posterior, or with known spectra only.

    Raises
    ------
    TypeError, ValueError
        If the result is not of this image, or has no posterior though its spectra are not known.
    """
    found = solutions_of(result, case.image)
    rows = _rows(case, found)
    matching = _matched(rows)
    columns = tuple(
        case.names[phase] if phase >= 0 else f"{name} (not claimed)"
        for name, phase in zip(found.names, matching.claimed_by, strict=True)
    )
    whole, core, rim = (_table([areas[name] for areas in rows]) for name in ("whole", "core", "rim"))
    blamed = tuple(blame(areas, k, matching, found, case) for k, areas in enumerate(rows))
    evidence = tuple(
        evidence_of(areas, k, matching, blamed[k], columns, case)
        for k, areas in enumerate(rows)
        if areas["whole"] is not None
    )
    not_own = [None if k < 0 else np.arange(len(columns)) != k for k in matching.component]
    share, of_pixels = (_over_map(rows, not_own, of) for of in ("counts", "pixels"))
    areas = tuple(
        None
        if list(matching.component).count(k) != 1 or k < 0
        else _over_map(rows, [np.arange(len(columns)) == k] * len(rows), "pixels")
        for k in matching.component
    )
    return Confusion(
        case.names,
        columns,
        matching.component,
        matching.is_own,
        tuple(found.members[k] if k >= 0 else () for k in matching.component),
        whole,
        core,
        rim,
        share,
        of_pixels,
        areas,
        tuple(one and one.wrong for one in blamed),
        evidence,
        _warnings(found),
    )


def _rows(case: Case, found: Solutions) -> list[dict[str, Row | None]]:
    """Return for each phase the sums over all its pixels, its core and its rim."""
    grouped, totals = found.grouped(case.image), case.image.total_map()
    rows = []
    for phase in range(len(case.names)):
        of_phase = case.labels == phase
        around = counts_around(totals, of_phase)
        areas = {"whole": of_phase, "core": of_phase & case.core, "rim": of_phase & ~case.core}
        weights = found.weights_for(of_phase)
        rows.append({name: row_of(found, grouped, weights, mask, around) for name, mask in areas.items()})
    return only_possible(rows)


def _matched(rows: list[dict[str, Row | None]]) -> Matched:
    cores = [areas["core"] or areas["whole"] for areas in rows]
    width = next((len(row.share) for row in cores if row), 1)
    shares = np.array([np.full(width, np.nan) if row is None else row.share for row in cores])
    errors = np.array([np.full(width, np.nan) if row is None else row.sd for row in cores])
    counts = [0 if (row := areas["whole"]) is None else row.sums.counts for areas in rows]
    return matched(shares, errors, np.array(counts))


def _table(rows: list[Row | None]) -> Table:
    width = next((len(row.share) for row in rows if row), 1)
    cells = np.full((5, len(rows), width), np.nan)
    for k, row in enumerate(rows):
        if row is not None:
            of = [_as_share(row.part(np.eye(width)[m])) for m in range(width)]
            cells[:, k] = np.array([(q.mean, q.counting_sd, q.endmember_sd, q.lower, q.upper) for q in of]).T
    counts = np.array([0 if row is None else row.sums.counts for row in rows])
    pixels = np.array([0 if row is None else row.sums.pixels for row in rows])
    mean, counting_sd, endmember_sd, lower, upper = cells
    return Table(mean, counting_sd, endmember_sd, lower, upper, counts, pixels)


def _over_map(
    rows: list[dict[str, Row | None]], forms: Sequence[np.ndarray | None], of: str
) -> Quantity | None:
    """Return a sum of shares, one form for each phase, over the phases that have one; None where none has."""
    parts, weights = [], []
    for areas, form in zip(rows, forms, strict=True):
        row = areas["whole"]
        if row is not None and form is not None:
            parts.append(row.part(form.astype(np.float64), of))
            weights.append(row.sums.counts if of == "counts" else row.sums.pixels)
    if not weights:
        return None
    share = np.array(weights) / np.sum(weights)
    mean, counting_sd, draws, others, leak = zip(*parts, strict=True)
    sd = float(np.sqrt(share**2 @ np.square(counting_sd)))
    return _as_share(
        Part(float(share @ mean), sd, share @ np.array(draws), share @ np.array(others), float(share @ leak))
    )


def _as_share(part: Part) -> Quantity:
    """Return a share with ends between 0 and 1; its mean stays unbiased."""
    q = quantity(part)
    lower, upper = np.clip((q.lower, q.upper), 0.0, 1.0)
    feasible = q.feasible and (float(np.clip(q.feasible[0], 0, 1)), float(np.clip(q.feasible[1], 0, 1)))
    limit = None if lower > 0 else float(upper)
    return replace(q, lower=float(lower), upper=float(upper), feasible=feasible, upper_limit=limit)


def _warnings(found: Solutions) -> tuple[str, ...]:
    return tuple(
        f"The spectra of {' and '.join(name.split(' + '))} are too alike to be told apart; they are taken together."
        for name, is_merged in zip(found.names, found.is_merged, strict=True)
        if is_merged
    )
