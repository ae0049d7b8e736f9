"""Write the Python script that repeats a result: read the file, prepare the image, fit with the same seed.

The script is complete. It compares the image that it read with the one that was unmixed, and stops where they differ.
"""

import base64
import dataclasses
import inspect
import json
import textwrap
import zlib
from typing import Any

import numpy as np

from bayesunmix.contracts.method import METHODS
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.io.plain import plain
from bayesunmix.unmixing import unmix

_WIDTH = 96


def repeating_script(
    result: Unmixing,
    image: SpectrumImage,
    file_name: str = "",
    digest: str = "",
    dataset: int | None = None,
) -> str:
    """Write the script.

    Parameters
    ----------
    result : Unmixing
        From `bayesunmix.unmix`.
    image : SpectrumImage
        The image that was unmixed. The script takes its channels and its mask.
    file_name, digest : str
        The file that holds the image, and its SHA-256 digest. Without a name the script reads "image.npz" and says that
        the image must be written first.
    dataset : int, optional
        The number of the spectrum image in that file, where it was chosen.

    Returns
    -------
    str
    """
    info = result.info
    by = ", ".join(f"{name} {version}" for name, version in info.get("versions", {}).items())
    head = [
        '"""Repeat an unmixing, and save its result as result.nc.',
        "",
        *textwrap.wrap(f"It was made with {by}." if by else "", _WIDTH),
        *([f"SHA-256 of the file: {digest}"] if digest else []),
        *([] if file_name else ["First write the image: bayesunmix.write(image, 'image.npz')."]),
        '"""',
    ]
    modules = [] if image.mask is None else ["base64", "zlib"]
    packages = [] if image.mask is None else ["import numpy as np"]
    imports = [
        *(f"import {module}" for module in sorted([*modules, "sys"])),
        "",
        *packages,
        "import bayesunmix as bu",
    ]
    lines = [
        *head,
        "",
        *imports,
        "",
        *_reading(image, file_name or "image.npz", dataset),
        "",
        *_fit(result),
        "",
    ]
    return "\n".join([*lines, 'bu.save_result(result, "result.nc")', "print(result)", ""])


def _reading(image: SpectrumImage, file_name: str, dataset: int | None) -> list[str]:
    """Read the file, and take the channels and the pixels that were unmixed."""
    axis = image.spectral_axis
    steps = np.diff(axis.values)
    margin = float(steps.min(initial=0.01 if axis.is_xray else np.inf)) / 2 if steps.size else 0.5
    low, high = float(axis.values[0]) - margin, float(axis.values[-1]) + margin
    ends = f"{low:.9g}, {high:.9g}" if axis.is_xray else f"{low!r}, {high!r}"
    options = {
        "eds": "crop_below_kev=None",
        "xrf": 'crop_below_kev=None, signal="xrf"',
        "any": 'signal="any"',
    }
    unit = f"  # {axis.units}" if axis.units else ""
    lines = [f"file = sys.argv[1] if len(sys.argv) > 1 else {json.dumps(file_name, ensure_ascii=False)}"]
    if image.mask is not None:
        packed = base64.b64encode(zlib.compress(np.packbits(image.mask).tobytes(), 9)).decode("ascii")
        rows = [f'    "{packed[i : i + _WIDTH]}"' for i in range(0, len(packed), _WIDTH)]
        lines += [
            "packed = (  # the mask, True for pixels that are used",
            *rows,
            ")",
            "bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8))",
            f"mask = bits[: {image.mask.size}].reshape({image.mask.shape}).astype(bool)",
        ]
    given = "" if image.mask is None else ", mask=mask"
    given += "" if dataset is None else f", dataset={dataset}"
    return [
        *lines,
        f"image = bu.read(file, {options[axis.signal]}{given}).crop({ends}){unit}",
        f"if (image.shape, image.n_photons) != ({image.shape}, {image.n_photons}):",
        '    sys.exit(f"{file} is not the file that was unmixed, or it was changed before: it holds {image}")',
    ]


def _fit(result: Unmixing) -> list[str]:
    """Call `unmix` as it was called."""
    info = result.info
    name, settings = info["method"], _changed_settings(result)
    given = [f"{key}={value!r}" for key, value in settings.items()]
    # A setting may be named as an argument of `unmix` is: `bootstrap` has a setting "method".
    taken = set(settings) & set(inspect.signature(unmix).parameters)
    method = f"bu.METHODS[{json.dumps(name)}]({', '.join(given)})" if taken else json.dumps(name)
    n_components = info.get("n_components_asked", result.estimate.n_components)
    arguments = [
        "image",
        repr(n_components),
        method,
        f"seed={info.get('seed', 0)}",
        *([] if taken else given),
    ]
    stranger = [] if name in METHODS else [f"# {name} is no method of bayesunmix: import what registers it."]
    return [*stranger, "result = bu.unmix(", *(f"    {argument}," for argument in arguments), ")"]


def _changed_settings(result: Unmixing) -> dict[str, Any]:
    """Return the settings that differ from their defaults; a saved result has lists where there were tuples."""
    name = result.info["method"]
    settings = {key: _tuples(plain(value)) for key, value in result.info.get("settings", {}).items()}
    method = METHODS.get(name)
    if method is None or not dataclasses.is_dataclass(method):
        return settings
    usual = {field.name: field.default for field in dataclasses.fields(method)}
    return {key: value for key, value in settings.items() if key not in usual or value != usual[key]}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
