"""Hold what a method found: the estimate, its posterior, and what there is to say about them."""

from dataclasses import dataclass, field, replace

import numpy as np

from bayesunmix.data.display import words
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.grid import Grid
from bayesunmix.data.info import Info, Source, reordered_info
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.share import Share

__all__ = [
    "Info",
    "NotConvergedWarning",
    "NotIdentifiedWarning",
    "Share",
    "Source",
    "Unmixing",
    "UnmixingWarning",
]


class UnmixingWarning(UserWarning):
    """A result must not be taken at its word; the message says why and what to do.

    Examples
    --------
    >>> import warnings
    >>> import bayesunmix as bu
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", bu.UnmixingWarning)  # stop at every doubt
    ...     try:
    ...         warnings.warn("nmf did not converge.", bu.NotConvergedWarning)
    ...     except bu.UnmixingWarning as doubt:
    ...         print(doubt)
    nmf did not converge.
    """


class NotConvergedWarning(UnmixingWarning):
    """A fit stopped before it had settled.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     result = bu.unmix(image, 2, "nmf", max_iterations=1, tolerance=1e-12)
    >>> [warning.category.__name__ for warning in said]
    ['NotConvergedWarning']
    """


class NotIdentifiedWarning(UnmixingWarning):
    """The counts leave an answer open: other solutions explain them as well.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     result = bu.unmix(image, 2, "fisher_conditional")
    >>> [warning.category.__name__ for warning in said]
    ['NotIdentifiedWarning']
    """


@dataclass(frozen=True, eq=False)
class Unmixing:
    """Hold what a method found.

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
        Names of the components. `unmix` names those of an X-ray result by their elements, such as "Ca-P-O", unless the
        method or the user named them. "component 0", "component 1", ... where there is nothing better.
    known : tuple of K bool
        True for a component whose spectrum was given and not fitted.
    unique : tuple of K bool
        Whether no other component can be mixed into this one without breaking what is known of it: it owns lines that
        no other has. See `bayesunmix.identify`.

    Raises
    ------
    ValueError
        If names, known or unique do not have one entry a component.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> result.estimate.endmembers.shape, result.estimate.abundances.shape
    ((2, 4), (64, 2))
    >>> result.names
    ('component 0', 'component 1')
    >>> result.info["converged"]
    True
    >>> result.posterior is None
    True
    >>> result.reorder([1, 0]).names
    ('component 1', 'component 0')
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

    @property
    def doubt(self) -> str:
        """Say what every picture, table and file of this result says: "not converged" and why, and what it assumes."""
        return words.say_doubt(self.info)

    def __repr__(self) -> str:
        return words.as_text(self.estimate, self.posterior, self.info, self.grid, self.names)

    def _repr_html_(self) -> str:
        from bayesunmix.data.display.components import INTERVAL, Drawn, component_rows
        from bayesunmix.data.display.html import folded, frame, paragraph, table, warned

        estimate, posterior, grid, info = self.estimate, self.posterior, self.grid, self.info
        is_profile = grid is not None and len(grid.axes) == 1
        drawn = Drawn(
            self.names,
            words.remarks(estimate, info, self.names, self.known),
            estimate.endmembers,
            estimate.abundances,
            None if posterior is None else posterior.endmember_interval(INTERVAL),
            posterior.abundance_interval(INTERVAL) if posterior is not None and is_profile else None,
        )
        head, *rows = words.share_table(estimate, info, self.names)
        parts = [
            paragraph(words.say_size(estimate, grid)),
            paragraph(words.say_posterior(posterior, info)),
            *(paragraph(f"assuming that {one}") for one in info.get("assumptions", ())),
            warned(info.get("warnings", ())),
            table(head, rows, off=words.DOUBTFUL),
            *component_rows(drawn, grid),
            folded("How it was made", words.say_how(info)),
        ]
        return frame(type(self).__name__, words.headline(estimate, info), parts)

    def reorder(self, order: np.ndarray) -> "Unmixing":
        """Return the result with components in the given order."""
        return replace(
            self,
            estimate=self.estimate.reorder(order),
            info=reordered_info(self.info, order),
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
