"""Describe a fit: a typed dictionary of how it was made and how it went."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast

import numpy as np

from bayesunmix.data.share import Share
from bayesunmix.data.spectral_axis import Signal

#: What every warning says of the number of components: only one tool counts them.
ASK_RANK = "bayesunmix.rank says how many components the counts show."


class Source(TypedDict):
    """Name the file that the command line unmixed, and say how it was prepared."""

    name: str
    path: str  # as it was given
    path_from_result: str | None  # from the folder of the results; None on another drive
    sha256: str
    crop_below_kev: float | None  # None where all channels were kept
    mask: str | None  # path of the mask file, as it was given
    mask_sha256: str | None
    signal: NotRequired[Signal]  # where it is not "eds"
    dataset: NotRequired[int]  # the number of the spectrum image in the file, where it was chosen


class Modes(TypedDict):
    """Describe the solutions that chains which disagree have found, an entry a solution."""

    chains: list[list[int]]  # the chains that found each
    weights: list[float]  # of each in the pooled draws
    scores: list[float]  # log-likelihood of photons held out, less that of the best
    errors: list[float]  # standard errors of the scores


class Info(TypedDict, total=False):
    """Say how a fit went. Every method gives the first seven entries; `bayesunmix.unmix` adds the next thirteen.

    The others depend on the method. A setting or a statistic that is not listed here belongs to a method of
    somebody's own.
    """

    converged: bool
    interrupted: bool
    iterations: int
    objective: list[float]  # after each look at it
    objective_name: str
    relative_gap: float  # share of the objective that is left to gain, extrapolated
    warnings: list[str]

    method: str
    settings: dict[str, Any]
    n_components: int
    n_components_asked: int | None  # None where it was to be found
    rank: str  # what `bayesunmix.rank` said of the number of components, where it was asked
    seed: int
    fractions: dict[str, Share]  # of each component by name; of methods with a posterior
    fit_seconds: float
    compile_seconds: float
    peak_mib: float
    device: str
    versions: dict[str, str]
    input: Source  # where the command line made the result

    # Maximum likelihood: the certificate, and how far random starts agreed.
    stationarity: float
    duality_gap: float
    starts: int
    starts_agreeing: int
    starts_angle_deg: float
    # Automatic relevance determination, smoothness, rotations and clusters.
    relevance: list[float]
    n_components_tried: int
    smoothness: float
    smoothness_tried: list[float]
    held_out_deviance: list[float]
    explained_variance_ratio: list[float]
    stability: list[float]
    area_fractions: list[float]
    volume: float
    # Chains.
    r_hat: float
    ess: float
    chains_relabelled: int
    assumptions: list[str]  # what the intervals rest on besides the counts
    modes: Modes  # of chains that disagree
    superpixel: list[int]
    endmember_photons: int  # that the endmembers were drawn from
    recalibration: dict[str, Any] | None
    abundance_prior: list[str]  # that the maps were drawn under
    abundance_prior_weights: list[float]  # they sum to one
    abundance_prior_scores: dict[str, float]  # log-likelihood of photons kept apart, less that of the best
    divergent: int
    gradients_per_draw: float
    longest_trajectories: float
    # Line families.
    families: list[str]  # the family of each component, "continuum" for its curves
    elements: dict[str, str]
    unnamed_kev: list[float]
    calibration: Any
    # Methods on top of another.
    point_method: str
    replicates: int
    replicates_failed: int
    replicates_unsettled: int
    replicates_relabelled: int


def reordered_info(info: Info, order: Sequence[int] | np.ndarray) -> Info:
    """Return the entries, those with a value for each component in the given order."""
    moved: dict[str, Any] = {**info}
    for name in ("area_fractions", "explained_variance_ratio", "families", "stability"):
        if len(moved.get(name, ())) == len(order):
            moved[name] = [moved[name][k] for k in order]
    if scores := info.get("recalibration"):
        moved["recalibration"] = {
            level: [of[k] for k in order] if len(of) == len(order) else of for level, of in scores.items()
        }
    return cast(Info, moved)
