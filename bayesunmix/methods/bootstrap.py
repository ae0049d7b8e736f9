"""The bootstrap of any point method: fit again what might have been counted, and see how far the fits scatter.

*Parametric*: counts are drawn from the fit [1]_. *Poisson*: every recorded photon is taken a Poisson(1) number of times
[2]_, which needs no model to be right. Every replicate has random starts of its own, and its components are matched to
those of the first fit by their spectra. The scatter contains counting noise and the variation of the method. It does
not contain the bias of the fit, which the replicates repeat on top of it, so intervals are somewhat too narrow.

References
----------
.. [1] B. Efron, "Bootstrap methods: another look at the jackknife", Ann. Stat. 7, 1 (1979).
.. [2] N. C. Oza and S. Russell, "Online bagging and boosting", AISTATS (2001): Poisson(1) weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from bayesunmix.contracts.arguments import require_choice, require_positive
from bayesunmix.contracts.method import METHODS
from bayesunmix.contracts.registry import require_name
from bayesunmix.data.alignment import match
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.info import ASK_RANK
from bayesunmix.data.posterior import Posterior, affordable_draws
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.device.threefry import numpy_generator
from bayesunmix.methods._point_fit import point_fit
from bayesunmix.methods._resampling import Kind, redraw
from bayesunmix.running.progress import track


@METHODS.register("bootstrap")
@dataclass(frozen=True)
class Bootstrap:
    """Replicates of a point fit, returned as draws.

    Parameters
    ----------
    method : str
        The point method: any non-negative one.
    kind : {"parametric", "poisson"}
        Counts drawn from the fit, or photons drawn again.
    n_replicates : int
        Number of replicates. With n of them a nominal interval covers about (n - 1) / (n + 1) of what it should: 20 are
        too few.
    most_draws_mib : float
        Memory for abundance draws, in MiB. The maps of fewer replicates are kept to stay below it, but at least 20.
    settings : mapping, optional
        Settings of the point method: ``{"tolerance": 1e-5}``.
    """

    method: str = "nmf"
    kind: Kind = "parametric"
    n_replicates: int = 50
    most_draws_mib: float = 256
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        require_positive(self)
        require_choice(self)
        require_name(self.method, METHODS, "method")

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Fit the image, then each replicate. Ctrl-C keeps the replicates made so far."""
        fit_key, draw_key, *keys = jax.random.split(key, 2 + self.n_replicates)
        found = point_fit(self.method, image, n_components, fit_key, self.settings)
        kept = affordable_draws(self.n_replicates, found.estimate.abundances.size, self.most_draws_mib)
        scatter = _Scatter(found.estimate, -(-self.n_replicates // kept))
        rng = numpy_generator(draw_key)
        interrupted = bool(found.info.get("interrupted"))
        try:
            for replicate_key in track([] if interrupted else keys, "bootstrap", len(keys)):
                again = self._refit(image, found.estimate, n_components, rng, replicate_key)
                interrupted = again is not None and bool(again.info.get("interrupted"))
                if interrupted:
                    break
                scatter.add(again)
        except KeyboardInterrupt:
            interrupted = True
        return self._result(found, scatter, interrupted)

    def _refit(
        self,
        image: SpectrumImage,
        estimate: Factorization,
        n_components: int,
        rng: np.random.Generator,
        key: jax.Array,
    ) -> Unmixing | None:
        """Fit a replicate; return None if the method refuses its counts."""
        try:
            again = redraw(image, estimate, self.kind, rng)
            return point_fit(self.method, again, n_components, key, self.settings)
        except ValueError:
            return None

    def _result(self, found: Unmixing, scatter: "_Scatter", interrupted: bool) -> Unmixing:
        done = len(scatter.endmembers)
        sentences = list(found.info["warnings"])
        if interrupted:
            sentences.append(
                f"The bootstrap was interrupted after {done} of {self.n_replicates} replicates. Run it again."
            )
        if scatter.failed:
            sentences.append(
                f"{scatter.failed} replicates could not be fitted, or gave another number of components, so "
                f"intervals may be too narrow. {ASK_RANK}"
            )
        if scatter.unsettled:
            sentences.append(
                f"{scatter.unsettled} of {done} replicates did not converge. Raise max_iterations in the settings."
            )
        info: Info = {
            **found.info,
            "converged": bool(found.info["converged"])
            and not (interrupted or scatter.failed or scatter.unsettled),
            "interrupted": interrupted,
            "replicates": done,
            "replicates_failed": scatter.failed,
            "replicates_unsettled": scatter.unsettled,
            "replicates_relabelled": scatter.relabelled,
            "warnings": sentences,
        }
        return replace(found, posterior=scatter.posterior(), info=info)


@dataclass
class _Scatter:
    """Collect replicates, matched to the first fit; the maps of every `stride`-th are kept."""

    estimate: Factorization
    stride: int
    endmembers: list[np.ndarray] = field(default_factory=list)
    abundances: list[np.ndarray] = field(default_factory=list)
    failed: int = 0
    unsettled: int = 0
    relabelled: int = 0

    def add(self, again: Unmixing | None) -> None:
        if again is None or again.estimate.n_components != self.estimate.n_components:
            self.failed += 1
            return
        order = match(self.estimate.endmembers, again.estimate.endmembers)
        fitted = again.estimate.reorder(order)
        self.relabelled += bool((order != np.arange(order.size)).any())
        self.unsettled += not again.info["converged"]
        if len(self.endmembers) % self.stride == 0:
            self.abundances.append(fitted.abundances.astype(np.float32))
        self.endmembers.append(fitted.endmembers.astype(np.float32))

    def posterior(self) -> Posterior | None:
        """Return the replicates as draws of one chain; None if there are none."""
        if not self.endmembers:
            return None
        draws = np.stack(self.endmembers)[None], np.stack(self.abundances)[None]
        return Posterior(*draws, calibrated=False)
