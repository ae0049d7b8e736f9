"""The file that is unmixed: read it, and record what is needed to find it and prepare it again."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.info import Source


def read_source(
    file: Path,
    crop_below: float,
    no_crop: bool,
    mask: Path | None,
    signal: str | None = None,
    dataset: int | None = None,
) -> tuple["SpectrumImage", "SpectrumImage"]:
    """Read a file.

    Returns
    -------
    whole, image : SpectrumImage
        The pixels that are not masked, with all channels, and with those to be unmixed. Of what is no X-ray spectrum
        none is cropped.
    """
    from bayesunmix.io import cropped, read, require_crop

    below = None if no_crop else crop_below
    kind: Any = signal
    require_crop(below, signal)
    whole = read(file, crop_below_kev=None, mask=mask, signal=kind, dataset=dataset)
    return whole, cropped(whole, below)


def record_source(
    file: Path,
    out: Path,
    crop_below_kev: float | None,
    mask: Path | None,
    image: "SpectrumImage",
    dataset: int | None = None,
) -> "Source":
    """Record which file was unmixed into the folder `out`, and how it was read and prepared."""
    from bayesunmix.io.digest import sha256

    axis = image.spectral_axis
    source: Source = {
        "name": file.name,
        "path": file.as_posix(),
        "path_from_result": _relative(file, out),
        "sha256": sha256(file),
        "crop_below_kev": crop_below_kev if axis.is_xray else None,
        "mask": None if mask is None else mask.as_posix(),
        "mask_sha256": None if mask is None else sha256(mask),
    }
    if axis.signal != "eds":
        source["signal"] = axis.signal
    if dataset is not None:
        source["dataset"] = dataset
    return source


def describe(image: "SpectrumImage") -> dict[str, Any]:
    """Describe an image in numbers, for the summary."""
    return {
        "shape": image.shape,
        "axes": [axis._asdict() for axis in image.axes],
        image.spectral_axis.column: [image.spectral_axis.values[0], image.spectral_axis.values[-1]],
        "counts": image.n_photons,
        "pixels_taking_part": int(image.takes_part.sum()),
    }


def describe_crop(
    whole: "SpectrumImage", image: "SpectrumImage", below_kev: float | None
) -> dict[str, Any] | None:
    """Describe what cropping left out, for the summary; None where nothing was to be cropped."""
    if below_kev is None or not whole.spectral_axis.is_xray:
        return None
    return {
        "below_kev": below_kev,
        "channels": whole.n_channels - image.n_channels,
        "counts": whole.n_photons - image.n_photons,
    }


def _relative(file: Path, folder: Path) -> str | None:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive of a Windows machine
        return None
