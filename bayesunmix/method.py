"""The contract of a method, and the registry that `methods/` fills.

A method is a frozen dataclass whose fields are its settings. It sees the image and nothing else, so truth
cannot leak into it. To add one, write one file::

    @METHODS.register("mine")
    @dataclass(frozen=True)
    class Mine:
        tolerance: float = 1e-6

        def fit(self, image, n_components, key):
            return Unmixing(Factorization(endmembers, abundances))

A method returns as many components as it is asked for. One that finds their number itself says so by a class
variable, ``finds_n_components: ClassVar[bool] = True``: it may return another number, and is passed None by those
who ask for none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from bayesunmix.factorization import Factorization
from bayesunmix.image import Grid, SpectrumImage
from bayesunmix.posterior import Posterior
from bayesunmix.registry import Registry

if TYPE_CHECKING:
    from bayesunmix.io.hyperspy import Signals


@dataclass(frozen=True, eq=False)
class Unmixing:
    """What a method found.

    Parameters
    ----------
    estimate : Factorization
        The point estimate; canonical when it comes from `bayesunmix.unmix`.
    posterior : Posterior or None
        Draws, for methods that have them.
    info : dict
        Statistical success or its absence is data here, never an exception: `converged`, `iterations`,
        `objective` (the trace), `objective_name`, `warnings` (sentences); `unmix` adds the method, its
        settings, the seed, seconds, memory and versions. A method whose components have names gives them
        as `components`.
    labels : (P,) int array or None
        From methods that give each pixel to one component: its number, or -1 for a pixel given to none.
    grid : Grid or None
        Energies, shape, axes and mask of the image; `unmix` adds them.
    """

    estimate: Factorization
    posterior: Posterior | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    labels: np.ndarray | None = None
    grid: Grid | None = None

    @property
    def component_names(self) -> list[str]:
        """Names that the method gave, or "component 0", "component 1", ..."""
        numbered = [f"component {k}" for k in range(self.estimate.n_components)]
        return list(self.info.get("components", numbered))

    def reorder(self, order: np.ndarray) -> "Unmixing":
        """Return the result with components in the given order."""
        posterior = self.posterior.reorder(order) if self.posterior else None
        info = dict(self.info)
        if "components" in info:
            info["components"] = [info["components"][k] for k in order]
        labels = None if self.labels is None else _renumber(self.labels, order)
        return replace(
            self, estimate=self.estimate.reorder(order), posterior=posterior, info=info, labels=labels
        )

    def save(self, path: str | Path) -> None:
        """Write everything to a netCDF file, for `bayesunmix.load_result` (see `bayesunmix.io.netcdf`)."""
        from bayesunmix.io.netcdf import save_result

        save_result(self, path)

    def to_hyperspy(self) -> "Signals":
        """Hand endmembers and abundances to HyperSpy (see `bayesunmix.io.hyperspy.to_hyperspy`)."""
        from bayesunmix.io.hyperspy import to_hyperspy

        return to_hyperspy(self)


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of settings with a `fit`."""

    def fit(self, image: SpectrumImage, n_components: int, key: Any) -> Unmixing:
        """Unmix `image` into `n_components`, with the JAX key as the only source of randomness."""
        ...


def finds_n_components(method: object) -> bool:
    """Whether a method, or endmember model, may give another number of components than is asked for, or without."""
    return bool(getattr(method, "finds_n_components", False))


METHODS: Registry[type[Method]] = Registry("method", "bayesunmix.methods")


def _renumber(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Labels after component ``order[k]`` has become component k; -1 stays."""
    order = np.asarray(order)
    new = np.full(max(order.max(), labels.max()) + 2, -1)
    new[order] = np.arange(order.size)
    return np.asarray(new[labels])  # -1 reads the last entry, which no component has
