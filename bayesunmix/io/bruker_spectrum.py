"""Read one spectrum of a Bruker .spx file, through RosettaSciIO."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.io.reading_axes import Refused


def read_spx(path: Path) -> Iterator[Any]:
    """Yield the counts (C,), the energies in keV (C,), and the name of a spectrum; runs in the child.

    Raises
    ------
    Refused
        If the file holds no spectrum on an energy axis.
    """
    from rsciio.bruker import file_reader

    found = file_reader(str(path))
    if not found or np.ndim(found[0]["data"]) != 1:
        raise Refused(f"{path.name!r} holds no spectrum; export the spectrum of the phase again")
    spectrum = found[0]
    (axis,) = spectrum["axes"]
    factor = {"keV": 1.0, "eV": 1e-3}.get(str(axis.get("units")))
    if factor is None:
        raise Refused(f"the axis of {path.name!r} is in {axis.get('units')}, and must be in keV or eV")
    counts = np.asarray(spectrum["data"], np.float64)
    energy = factor * (float(axis["offset"]) + float(axis["scale"]) * np.arange(counts.size))
    yield counts, energy, str(spectrum.get("metadata", {}).get("Sample", {}).get("name", ""))
