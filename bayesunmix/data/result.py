"""What a method found: the estimate, its posterior, and what there is to say about them."""

from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Grid
from bayesunmix.data.posterior import Posterior


class UnmixingWarning(UserWarning):
    """A result must not be taken at its word; the message says why and what to do."""


class NotConvergedWarning(UnmixingWarning):
    """A fit stopped before it had settled."""


class NotIdentifiedWarning(UnmixingWarning):
    """The counts leave an answer open: other solutions explain them as well."""


class Share(TypedDict):
    """The fraction of all counts that one component makes, as `bayesunmix.region` infers it for the whole image."""

    mean: float
    lower: float
    upper: float
    counting_sd: float
    endmember_sd: float
    feasible_half_width: float | None  # None where all spectra are known
    identified: str


class Source(TypedDict):
    """The file that the command line unmixed, and how it was prepared."""

    name: str
    path: str  # as it was given
    path_from_result: str | None  # from the folder of the results; None on another drive
    sha256: str
    crop_below_kev: float | None  # None where all channels were kept
    mask: str | None  # path of the mask file, as it was given
    mask_sha256: str | None


class Info(TypedDict, total=False):
    """How a fit went. Every method gives the first seven entries; `bayesunmix.unmix` adds the next twelve.

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
    superpixel: list[int]
    recalibration: dict[str, Any] | None
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


@dataclass(frozen=True, eq=False)
class Unmixing:
    """What a method found.

    Parameters
    ----------
    estimate : Factorization
        The point estimate; canonical when it comes from `bayesunmix.unmix`.
    posterior : Posterior or None
        Draws, for methods that have them.
    info : Info
        Whether the fit converged, what it warns of, how long it took. A fit that did not succeed says so here; it
        raises no exception.
    labels : (P,) int array or None
        From methods that give each pixel to one component: its number, or -1 for a pixel given to none.
    grid : Grid or None
        Energies, shape, axes and mask of the image; `unmix` adds them.
    names : tuple of K str
        Names of the components: "component 0", "component 1", ... where the method has no better ones.
    known : tuple of K bool
        Whether the spectrum of a component was given, and not fitted.
    unique : tuple of K bool
        Whether no other component can be mixed into this one without breaking what is known of it: it owns lines that
        no other has. See `bayesunmix.identify`.

    Raises
    ------
    ValueError
        If names, known or unique do not have one entry a component.
    """

    estimate: Factorization
    posterior: Posterior | None = None
    info: Info = field(default_factory=Info)
    labels: np.ndarray | None = None
    grid: Grid | None = None
    names: tuple[str, ...] = ()
    known: tuple[bool, ...] = ()
    unique: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        n_components = self.estimate.n_components
        usual = {
            "names": tuple(f"component {k}" for k in range(n_components)),
            "known": (False,) * n_components,
            "unique": (False,) * n_components,
        }
        for name, otherwise in usual.items():
            value = tuple(getattr(self, name)) or otherwise
            if len(value) != n_components:
                raise ValueError(
                    f"{name} must have one entry for each of the {n_components} components, got {len(value)}"
                )
            object.__setattr__(self, name, value)

    def reorder(self, order: np.ndarray) -> "Unmixing":
        """Return the result with components in the given order."""
        return replace(
            self,
            estimate=self.estimate.reorder(order),
            posterior=self.posterior.reorder(order) if self.posterior else None,
            labels=None if self.labels is None else _renumber(self.labels, order),
            names=tuple(self.names[k] for k in order),
            known=tuple(self.known[k] for k in order),
            unique=tuple(self.unique[k] for k in order),
        )


def _renumber(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Labels after component ``order[k]`` has become component k; -1 stays."""
    order = np.asarray(order)
    new = np.full(max(order.max(), labels.max()) + 2, -1)
    new[order] = np.arange(order.size)
    return np.asarray(new[labels])  # -1 reads the last entry, which no component has
