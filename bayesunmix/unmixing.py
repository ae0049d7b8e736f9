"""The one entry to every method: checks the request, fits, fixes the scale, and says what was done."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

import numpy as np

from bayesunmix.contracts.arguments import require_image, require_seed
from bayesunmix.contracts.method import METHODS, Method, finds_n_components
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.running.cost import Cost


def unmix(
    image: SpectrumImage,
    n_components: int | None = None,
    method: str | Method = "nmf",
    seed: int = 0,
    **settings: Any,
) -> Unmixing:
    """Unmix a spectrum image into endmembers and abundances.

    Parameters
    ----------
    image : SpectrumImage
        P pixels x C channels of photon counts.
    n_components : int or None
        Number of components, K: at least 1, at most the number of channels and of pixels that hold counts.
        None for methods that find the number themselves ("elements", "vendor_cluster", "vendor_library").
    method : str or Method
        A registered name (`list(bayesunmix.METHODS)`) or a configured method.
    seed : int
        The same seed gives the same result on the same machine.
    **settings
        Settings of a method given by name, for example ``max_iterations=500``.

    Returns
    -------
    Unmixing
        `.estimate` canonical (endmembers sum to one, abundances in expected counts), `.posterior` or None, `.info`.
        Of pixels outside the image's mask it says nothing: abundances, draws and their spread are 0, labels -1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind; the message says what to do.
    """
    require_image(image)
    require_seed(seed)
    name, fitter = _resolve(method, settings)
    _check_n_components(image, n_components, name, fitter)

    asked: Any = None if n_components is None else int(n_components)

    import jax

    from bayesunmix.engine.device.threefry import random_key

    with Cost() as cost:
        found = fitter.fit(image, asked, random_key(seed))
    found = found if image.mask is None else _blanked(found, ~image.takes_part)
    estimate = found.estimate.canonical()
    info = {
        **found.info,
        "method": name,
        "settings": dataclasses.asdict(fitter) if dataclasses.is_dataclass(fitter) else {},
        "n_components": estimate.n_components,
        "seed": int(seed),
        "fit_seconds": cost.fit_seconds,
        "compile_seconds": cost.compile_seconds,
        "peak_mib": cost.peak_mib,
        "device": str(jax.devices()[0].device_kind),
        "versions": versions(),
    }
    return dataclasses.replace(found, estimate=estimate, info=info, grid=image.grid)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    packages = ("bayesunmix", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages}


def _blanked(found: Unmixing, outside: np.ndarray) -> Unmixing:
    """Take out what a method said of pixels that take no part (its prior, their neighbours): 0 counts, no label."""

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


def _check_n_components(image: SpectrumImage, n_components: Any, name: str, method: Method) -> None:
    if n_components is None and finds_n_components(method):
        return
    if n_components is None:
        raise TypeError(
            f"n_components must be given for method {name!r}, which does not find the number itself; "
            "bayesunmix.rank(image) recommends one"
        )
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
                "pass a name such as 'nmf', or a configured method such as METHODS['nmf']()"
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
