"""Convert HyperSpy signals to spectrum images, and results to HyperSpy signals (https://hyperspy.org).

HyperSpy is an optional package under the GPL. `from_hyperspy` only looks at the signal it is given, and
`to_hyperspy` imports the package when it is called. Its words: our endmembers are its decomposition factors, our
abundances its loadings.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayesunmix.data.image import Axis, SpectrumImage
from bayesunmix.data.spectral_axis import Signal, even_step
from bayesunmix.io import require_crop
from bayesunmix.io.dataset import to_image
from bayesunmix.io.reading_axes import note_signal_type

if TYPE_CHECKING:
    from bayesunmix.data.result import Unmixing


class Signals(NamedTuple):
    """Hold endmembers and abundances as HyperSpy signals, with the component along their navigation axis.

    The names of the components are `metadata.Components.names`.
    """

    endmembers: Any
    abundances: Any


def from_hyperspy(
    s: Any,
    crop_below_kev: float | None = 0.2,
    navigation_mask: Any = None,
    *,
    signal: Signal = "eds",
) -> SpectrumImage:
    """Make a spectrum image of a HyperSpy signal, lazy ones block by block.

    Parameters
    ----------
    s : hyperspy.signals.BaseSignal
        Photon counts, whole numbers of any type, over one energy axis in eV or keV. Its other axes become the
        navigation axes in the order of its array, which is the reverse of the order HyperSpy shows.
    crop_below_kev : float or None
        Leave out channels below this energy, as `bayesunmix.read` does; None keeps all.
    navigation_mask : bool array or signal of the navigation shape in the order of the array, optional
        As in HyperSpy's own `decomposition`: True for pixels to leave *out*.
    signal : {"eds", "xrf", "any"}
        What was counted, as `bayesunmix.read` takes it: "any" for electron energy loss, cathodoluminescence and all
        else that is no X-ray spectrum. The signal axis may then have any unit.

    Returns
    -------
    SpectrumImage

    Raises
    ------
    TypeError
        If `s` is not a HyperSpy signal.
    ValueError
        If it has no calibrated energy axis, or no photon counts, or the mask has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> import hyperspy.api as hs
    >>> counts = np.random.default_rng(0).poisson(1, size=(8, 8, 100))
    >>> s = hs.signals.Signal1D(counts)
    >>> s.axes_manager[-1].scale, s.axes_manager[-1].offset = 0.1, 1.0
    >>> s.axes_manager[-1].units = "keV"
    >>> bu.from_hyperspy(s).shape
    (8, 8, 100)
    """
    if not hasattr(s, "axes_manager"):
        raise TypeError(
            f"s must be a HyperSpy signal, got {type(s).__name__}; "
            "for an array, use bayesunmix.SpectrumImage(counts, energy_kev)"
        )
    require_crop(crop_below_kev, signal)
    manager = s.axes_manager
    axes = sorted((*manager.navigation_axes, *manager.signal_axes), key=lambda axis: axis.index_in_array)
    title = s.metadata.General.title
    name = f"signal {title!r}" if title else "the signal"
    note_signal_type(name, s.metadata.Signal.signal_type, signal)
    takes_part = None if navigation_mask is None else ~_bools(navigation_mask)
    if takes_part is not None and not takes_part.any():
        raise ValueError(_all_left_out(takes_part.size, s.data))
    return to_image(name, s.data, [_describe(axis) for axis in axes], takes_part, crop_below_kev, signal)


def to_hyperspy(result: "Unmixing") -> Signals:
    """Make HyperSpy signals of a result.

    Parameters
    ----------
    result : Unmixing
        From `bayesunmix.unmix`, so that it knows the axes of the image.

    Returns
    -------
    Signals
        `endmembers`, a `Signal1D` (K | C) with the axis of the channels, and `abundances`, a `Signal2D` of maps
        (..., K | x, y) or a `Signal1D` of profiles (K | x), in expected counts with the axes of the image. With a
        posterior each carries its variance as HyperSpy's noise variance (`get_noise_variance()`). As in its own maps,
        masked pixels are NaN. The titles say where the fit did not converge.

    Raises
    ------
    ModuleNotFoundError
        If HyperSpy, the extra `hyperspy`, is not installed.
    ValueError
        If the result does not know the axes of an image.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> result = bu.unmix(image, 2, "nmf")
    >>> signals = bu.to_hyperspy(result)
    >>> signals.endmembers.data.shape, signals.abundances.data.shape
    ((2, 4), (2, 8, 8))
    """
    if result.grid is None:
        raise ValueError(
            "a result knows its axes when it comes from bayesunmix.unmix(image, ...); unmix again"
        )
    channels, shape, axes, mask = result.grid
    described = {"name": channels.name, "units": channels.units, "navigate": False, "is_binned": True}
    spectral = [{**described, **_steps(channels.values)}]
    spatial = [
        {**axis._asdict(), "size": n, "navigate": behind >= 2}
        for axis, n, behind in zip(axes, shape[:-1], reversed(range(len(axes))), strict=True)
    ]
    draws = result.posterior

    def maps(abundances: np.ndarray) -> np.ndarray:
        values = np.moveaxis(abundances.reshape(*shape[:-1], -1), -1, 0)
        return values if mask is None else np.where(mask, values, np.nan)

    doubt = f" ({result.doubt})" if result.doubt else ""
    endmembers = _signal(f"Endmembers{doubt}", result.estimate.endmembers, spectral)
    abundances = _signal(f"Abundances{doubt}", maps(result.estimate.abundances), spatial)
    for signal in (endmembers, abundances):
        signal.metadata.set_item("Components.names", list(result.names))
    if draws is not None:
        endmembers.set_noise_variance(_signal("Variance", draws.endmembers.var((0, 1)), spectral))
        abundances.set_noise_variance(_signal("Variance", maps(draws.abundances.var((0, 1))), spatial))
    return Signals(endmembers, abundances)


def _bools(navigation_mask: Any) -> np.ndarray:
    is_signal = hasattr(navigation_mask, "axes_manager")
    mask = np.asarray(navigation_mask.data if is_signal else navigation_mask)
    if mask.dtype != bool:
        raise ValueError(
            f"navigation_mask must be bool, True for pixels to leave out, got {mask.dtype}; "
            "for example (s.sum(-1) < 5).data"
        )
    return mask


def _all_left_out(pixels: int, counts: Any) -> str:
    """Say that a mask leaves out every pixel, which a vacuum mask of too high a threshold does."""
    largest = counts.max()
    largest = largest.compute() if hasattr(largest, "compute") else largest
    return (
        f"navigation_mask leaves out every one of the {pixels} pixels: it must be False for those to use. "
        "exspy's vacuum_mask(threshold) hides pixels without a channel above the threshold (1 if not given), and the "
        f"largest count of a channel here is {largest:g}: choose a threshold below it"
    )


def _describe(axis: Any) -> dict[str, Any]:
    """Describe an axis of a signal in the words of RosettaSciIO."""
    described = {"name": axis.name, "units": axis.units, "navigate": axis.navigate, "axis": axis.axis}
    return described | {key: getattr(axis, key, None) for key in ("scale", "offset")}


def _steps(values: np.ndarray) -> dict[str, Any]:
    """Scale and offset where the channels are even, their values where they are not."""
    step = even_step(values)
    if step is None:
        return {"axis": values}
    return {"scale": step, "offset": values[0], "size": values.size}


def _signal(title: str, data: np.ndarray, axes: list[dict[str, Any]]) -> Any:
    """Make a signal of (K, ...) data."""
    try:
        import hyperspy.api as hs
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "HyperSpy signals take HyperSpy, which is not installed: pip install 'bayesunmix[hyperspy]'"
        ) from error
    component = {**Axis("Component", 1.0, "")._asdict(), "size": len(data), "navigate": True}
    kind = hs.signals.Signal1D if data.ndim == 2 else hs.signals.Signal2D
    return kind(data, axes=[component, *axes], metadata={"General": {"title": title}})
