"""The file that is unmixed: read it, and record what is needed to find it and prepare it again."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.info import Source


def read_source(
    file: Path, crop_below: float, no_crop: bool, mask: Path | None
) -> tuple["SpectrumImage", "SpectrumImage"]:
    """Read a file.

    Returns
    -------
    whole, image : SpectrumImage
        The pixels that are not masked, with all channels, and with those to be unmixed.
    """
    from bayesunmix.io import crop_below as leave_out
    from bayesunmix.io import read

    whole = read(file, crop_below_kev=None, mask=mask)
    return whole, whole if no_crop else leave_out(whole, crop_below)


def record_source(file: Path, out: Path, crop_below_kev: float | None, mask: Path | None) -> "Source":
    """Record which file was unmixed into the folder `out`, and how it was prepared."""
    from bayesunmix.io.digest import sha256

    return {
        "name": file.name,
        "path": file.as_posix(),
        "path_from_result": _relative(file, out),
        "sha256": sha256(file),
        "crop_below_kev": crop_below_kev,
        "mask": None if mask is None else mask.as_posix(),
        "mask_sha256": None if mask is None else sha256(mask),
    }


def describe(image: "SpectrumImage") -> dict[str, Any]:
    """Describe an image in numbers, for the summary."""
    return {
        "shape": image.shape,
        "axes": [axis._asdict() for axis in image.axes],
        "energy_kev": [image.energy_kev[0], image.energy_kev[-1]],
        "counts": image.n_photons,
        "pixels_taking_part": int(image.takes_part.sum()),
    }


def describe_crop(whole: "SpectrumImage", image: "SpectrumImage", below_kev: float) -> dict[str, Any]:
    """Describe what cropping left out, for the summary."""
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
