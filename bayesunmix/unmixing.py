"""Unmix an image by any method: check the request, fit, fix the scale, and say what was done.

In this order: the number of components is checked or found, the method fits, pixels outside the mask are blanked,
components get a scale, are sorted by their share of the counts and named by the elements they hold. Of results with a
posterior every component's share gets a verdict, names hold for every solution that fits as well, and the model is
checked before intervals are called calibrated.
"""

import dataclasses
import importlib.metadata
import platform
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesunmix.analysis.assumptions import Assumption, listed
from bayesunmix.analysis.contradictions import are_contradictions
from bayesunmix.analysis.dominance import dominated
from bayesunmix.analysis.identification import identify
from bayesunmix.analysis.naming import named
from bayesunmix.analysis.verdicts import judged
from bayesunmix.checks.check import check
from bayesunmix.contracts.arguments import require_image, require_seed
from bayesunmix.contracts.method import METHODS, Method, doubts_n_components, finds_n_components
from bayesunmix.data.display.words import say_not_converged
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.order import are_numbered, sorted_in_place
from bayesunmix.data.result import Info, NotConvergedWarning, NotIdentifiedWarning, Unmixing, UnmixingWarning
from bayesunmix.dimension.rank import Rank, rank
from bayesunmix.running import progress as bars
from bayesunmix.running.cost import Cost


def unmix(
    image: SpectrumImage,
    n_components: int | None = None,
    method: str | Method = "bayes",
    *,
    seed: int = 0,
    progress: bool | None = None,
    verdicts: bool = True,
    assume: Sequence[Assumption] | Assumption = (),
    **settings: Any,
) -> Unmixing:
    """Unmix a spectrum image into endmembers (spectra) and abundances (maps).

    Parameters
    ----------
    image : SpectrumImage
        P pixels x C channels of photon counts.
    n_components : int or None
        Number of components, K: at least 1, at most the number of channels and of pixels that hold counts. With None
        the method finds it, or `bayesunmix.rank` does.
    method : str or Method
        A registered name (`list(bayesunmix.METHODS)`) or a configured method.
    seed : int
        The same seed gives the same result on the same machine.
    progress : bool or None
        Show progress bars: True from 1 s on, None (the default) for a fit that takes longer than 10 s, False never.
    verdicts : bool
        Say of each component's share of the counts how wrong it may be and whether the counts determine it at all
        (`info["fractions"]`). Only results with a posterior can; it takes seconds. The check on which
        `posterior.calibrated` rests is short, and made in either case.
    assume : sequence of PureAreas, Owns or Reference
        What is believed besides the counts. Intervals then hold for the solutions under which it is so, and every
        picture, table and file says it. What the counts contradict is not used, and a warning says so. Only for results
        with a posterior (see `bayesunmix.ladder`).
    **settings
        Settings of a method given by name, for example ``n_draws=400``.

    Returns
    -------
    Unmixing
        `.estimate`, whose endmembers sum to one and whose abundances are expected counts; `.posterior` or None;
        `.info`. The component with the largest share of the counts comes first, so that component 0 of the next seed
        is the same one. Components of X-ray results are named by their elements, such as "Ca-P-O", if there is a
        posterior by those that they have in every solution that fits as well. Those with names or given spectra keep
        these and the order of the request, those of `pca` and `ica` their own order. Of pixels outside the image's mask
        it says nothing: their abundances are 0 and their labels -1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind; the message says what to do.

    Warns
    -----
    UnmixingWarning
        If one pixel, or one channel of it, holds so many counts that the fit describes it and not the specimen. If the
        counts contradict the model so much that its intervals are too narrow (see `bayesunmix.check`), or contradict
        what is assumed.
    NotConvergedWarning
        If the fit did not converge: longer runs may give another answer.
    NotIdentifiedWarning
        If the counts do not determine the share of a component: other shares fit as well.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> bu.unmix(image, 2, "nmf").estimate.abundances.shape
    (64, 2)
    """
    require_image(image)
    require_seed(seed)
    name, fitter = _resolve(method, settings)
    assume = listed(assume)
    _require_possible(image, n_components)

    import jax

    from bayesunmix.engine.device.threefry import random_key

    doubtful = dominated(image)
    with bars.showing(progress), Cost() as cost:
        counted = _count_components(image, n_components, fitter, seed)
        found = fitter.fit(image, counted.n_components, random_key(seed))
        found = found if image.mask is None else _blank_in_place(found, ~image.takes_part)
        found = dataclasses.replace(found, estimate=found.estimate.canonical(), grid=image.grid)
        is_unnamed = are_numbered(found.names)
        found = named(sorted_in_place(found), image)
        if counted.doubts and (doubt := counted.doubt(found)):
            found = _also_warning(found, [doubt])
        if doubtful:
            found = _also_warning(found, [doubtful])
        undetermined: list[str] = []
        denied: tuple[str, ...] = ()
        contradictions: list[str] = []
        if verdicts and found.posterior is not None:
            identified = identify(found, image)
            if is_unnamed:
                # By what is in every solution. An assumption does not change the names, which it may use.
                found = named(dataclasses.replace(found, names=()), image, identified.rotations)
            if assume:
                narrowed = identify(found, image, assume=assume)
                denied = are_contradictions(narrowed.warnings)
                # What the counts contradict must not make any number look surer.
                identified = identified if denied else narrowed
            found, undetermined = judged(found, image, seed, identified)
            if denied:
                contradictions = [f"{sentence} The intervals here do not rest on it." for sentence in denied]
                found = _also_warning(found, contradictions)
        elif assume:
            why = "verdicts are left out" if found.posterior is not None else "the result has no intervals"
            found = _also_warning(
                found, [f"assume changes nothing here, because {why}; ask bayesunmix.identify"]
            )
        found, contradiction = _doubting_intervals(found, image)
    info: Info = {
        **found.info,
        "method": name,
        "settings": dataclasses.asdict(fitter) if dataclasses.is_dataclass(fitter) else {},
        "n_components": found.estimate.n_components,
        "n_components_asked": None if n_components is None else int(n_components),
        "seed": int(seed),
        "fit_seconds": cost.fit_seconds,
        "compile_seconds": cost.compile_seconds,
        "peak_mib": cost.peak_mib,
        "device": str(jax.devices()[0].device_kind),
        "versions": versions(),
    }
    if counted.evidence:
        info["rank"] = counted.evidence.sentence
    result = dataclasses.replace(found, info=info)
    apart = [sentence for sentence in (doubtful, contradiction, *contradictions) if sentence]
    for sentence in apart:
        warnings.warn(sentence, UnmixingWarning, stacklevel=2)
    _warn(result, [*apart, *undetermined], undetermined)
    return result


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    packages = ("bayesunmix", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages}


def _blank_in_place(found: Unmixing, outside: np.ndarray) -> Unmixing:
    """Take out what a method said of masked pixels (from its prior, their neighbours): 0 counts, no label."""

    def without(maps: np.ndarray) -> np.ndarray:
        return np.where(outside[:, None], 0, maps)

    estimate = Factorization(found.estimate.endmembers, without(found.estimate.abundances))
    labels = None if found.labels is None else np.where(outside, -1, found.labels)
    posterior = found.posterior
    if posterior is not None:
        # In place: they may fit the memory only once.
        draws = np.require(posterior.abundances, requirements="W")
        draws[:, :, outside] = 0
        mean, sd = (
            m if m is None else without(m) for m in (posterior.abundance_mean, posterior.abundance_sd)
        )
        posterior = dataclasses.replace(posterior, abundances=draws, abundance_mean=mean, abundance_sd=sd)
    return dataclasses.replace(found, estimate=estimate, labels=labels, posterior=posterior)


def _doubting_intervals(found: Unmixing, image: SpectrumImage) -> tuple[Unmixing, str]:
    """Call intervals calibrated only where the fit converged and the model passed its own check.

    Which misfits are too small to matter is decided in `bayesunmix.checks.severity`. Returns with the result what is to
    be warned of: the misfit that makes intervals too narrow, or "".
    """
    posterior = found.posterior
    if posterior is None or not posterior.calibrated:
        return found, ""
    doubts, warning = [say_not_converged(found.info)], ""
    try:
        checks = check(found, image)
    except ValueError as error:
        doubts.append(f"the model could not be checked: {str(error).partition(';')[0]}")
    else:
        if checks.severe:
            warning = checks.verdict
            doubts.append(f"the counts contradict the model: {checks.worst}")
        if checks.alarm:
            found = _also_warning(found, [checks.verdict])
    why_not = "; ".join(filter(None, doubts))
    posterior = dataclasses.replace(posterior, calibrated=not why_not, why_not_calibrated=why_not)
    return dataclasses.replace(found, posterior=posterior), warning


class _Counted(NamedTuple):
    """The number of components to ask the method for, and what `bayesunmix.rank` says where it was asked."""

    n_components: int | None
    evidence: Rank | None = None
    doubts: bool = False

    def doubt(self, found: Unmixing) -> str:
        """Say so where the counts show another number; of components that have names there may be more."""
        n_components, evidence = found.estimate.n_components, self.evidence
        if evidence is None or (self.n_components is None and n_components > evidence.n_components):
            return ""
        return evidence.doubt(n_components)


def _count_components(image: SpectrumImage, asked: Any, fitter: Method, seed: int) -> _Counted:
    """Find the number of components, or check the one that was asked for, by `bayesunmix.rank`."""
    finds, doubts = finds_n_components(fitter), doubts_n_components(fitter)
    given = None if asked is None else int(asked)
    if (given is not None or finds) and not doubts:
        return _Counted(given)
    evidence = rank(image, seed=seed)
    wanted = given if given is not None or finds else evidence.n_components
    return _Counted(wanted, evidence, doubts)


def _also_warning(found: Unmixing, sentences: list[str]) -> Unmixing:
    info: Info = {**found.info, "warnings": [*sentences, *found.info.get("warnings", ())]}
    return dataclasses.replace(found, info=info)


def _warn(result: Unmixing, said_apart: list[str], undetermined: list[str]) -> None:
    """Say in Python's own way what would otherwise be read only by those who look into `info`."""
    info = result.info
    if info.get("converged") is False:
        others = " ".join(said for said in info.get("warnings", ()) if said not in said_apart)
        warnings.warn(
            f"{info['method']} did not converge. {others}".strip(), NotConvergedWarning, stacklevel=3
        )
    for sentence in undetermined:
        warnings.warn(sentence, NotIdentifiedWarning, stacklevel=3)


def _require_possible(image: SpectrumImage, n_components: Any) -> None:
    if n_components is None:
        return
    if isinstance(n_components, bool) or not isinstance(n_components, int | np.integer):
        raise TypeError(f"n_components must be a whole number, got {n_components!r}; for example 3")
    occupied = int(np.count_nonzero(np.diff(image.counts.indptr)))
    most = min(occupied, image.n_channels)
    if not 1 <= n_components <= most:
        raise ValueError(
            f"n_components must be at least 1 and at most {most} ({occupied} pixels hold counts, "
            f"{image.n_channels} channels), got {n_components}; choose a number in that range"
        )


def _resolve(method: str | Method, settings: dict[str, Any]) -> tuple[str, Method]:
    if not isinstance(method, str):
        if settings:
            raise TypeError(
                f"settings {sorted(settings)} go with a method's name; this method is already configured"
            )
        if isinstance(method, type) or not isinstance(method, Method):
            raise TypeError(
                f"method must be a name or have a fit(image, n_components, key), got {method!r}; "
                "pass a name such as 'bayes', or a configured method such as METHODS['bayes']()"
            )
        return METHODS.name_of(type(method)) or type(method).__name__, method
    chosen = METHODS[method]
    known: list[str] = (
        [f.name for f in dataclasses.fields(chosen)] if dataclasses.is_dataclass(chosen) else []
    )
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise TypeError(
            f"method {method!r} has no setting {', '.join(unknown)}; it has: {', '.join(known) or 'none'}"
        )
    return method, chosen(**settings)
