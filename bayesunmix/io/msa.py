"""Read and write spectra in the EMSA/MAS format (.msa, ISO 22029), with the exposure that quantification needs."""

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bayesunmix.io.file import whole_file

_KEYWORD = re.compile(r"#\s*([A-Za-z0-9]+)[^:]*:(.*)")
_EVEN = 1e-4  # of a channel


class MsaSpectrum(NamedTuple):
    """Hold a spectrum with its exposure; what a file does not say is None.

    Attributes
    ----------
    energy_kev, counts : (C,) arrays
    title : str
    live_time_s, probe_na, beam_kev : float or None
    comment : str
    """

    energy_kev: np.ndarray
    counts: np.ndarray
    title: str = ""
    live_time_s: float | None = None
    probe_na: float | None = None
    beam_kev: float | None = None
    comment: str = ""

    @property
    def dose(self) -> float | None:
        """Return live time times current, in nA s."""
        if self.live_time_s is None or self.probe_na is None:
            return None
        return self.live_time_s * self.probe_na


def save_msa(path: Path, spectrum: MsaSpectrum) -> None:
    """Write a spectrum to an .msa file, whole or not at all.

    Raises
    ------
    ValueError
        If the channels are not evenly spaced.
    """
    energy, counts = spectrum.energy_kev, spectrum.counts
    steps = np.diff(energy)
    if not np.allclose(steps, steps.mean(), rtol=0, atol=_EVEN * steps.mean()):
        raise ValueError("an .msa file needs evenly spaced channels; rebin the image to an even axis")
    said = {
        "FORMAT": "EMSA/MAS Spectral Data File",
        "VERSION": "1.0",
        "TITLE": spectrum.title[:64],
        "NPOINTS": f"{counts.size}.",
        "NCOLUMNS": "1.",
        "XUNITS": "keV",
        "YUNITS": "counts",
        "DATATYPE": "Y",
        "XPERCHAN": f"{(energy[-1] - energy[0]) / (energy.size - 1):.10g}",
        "OFFSET": f"{energy[0]:.10g}",
        "SIGNALTYPE": "EDS",
        "BEAMKV": _said(spectrum.beam_kev),
        "LIVETIME": _said(spectrum.live_time_s),
        "PROBECUR": _said(spectrum.probe_na),
        "COMMENT": spectrum.comment,
    }
    lines = [f"#{name:<12}: {value}" for name, value in said.items() if value]
    data = [f"{value:.10g}," for value in counts]
    text = "\r\n".join([*lines, f"#{'SPECTRUM':<12}: Spectral Data Starts Here", *data, "#ENDOFDATA  : ", ""])
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="ascii", errors="replace", newline="")


def load_msa(path: Path) -> MsaSpectrum:
    """Read a spectrum from an .msa file.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is no spectrum over energy.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r} with a spectrum; check the name")
    lines = path.read_text(encoding="latin-1").splitlines()
    keys = {match[1].upper(): match[2].strip() for line in lines if (match := _KEYWORD.match(line))}
    cells = [
        cell
        for line in lines
        if not line.lstrip().startswith("#")
        for cell in re.split(r"[,;\s]+", line)
        if cell
    ]
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.zeros(0)
    is_xy = keys.get("DATATYPE", "Y").upper() == "XY"
    step, start = _number(keys, "XPERCHAN"), _number(keys, "OFFSET") or 0.0
    if (
        values.size < 2
        or not np.isfinite(values).all()
        or (not is_xy and not step)
        or (is_xy and values.size % 2)
    ):
        raise ValueError(f"{path.name!r} must be a spectrum in the .msa format, and is not; export it again")
    counts = values[1::2] if is_xy else values
    energy = values[::2] if is_xy else start + (step or 0.0) * np.arange(values.size)
    if keys.get("XUNITS", "keV").strip().lower() == "ev":
        energy = energy / 1000
    if (counts < 0).any() or not counts.sum() > 0:
        raise ValueError(
            f"{path.name!r} must have counts that are not negative, and some above 0; export it again"
        )
    time, current, beam = (_number(keys, name) for name in ("LIVETIME", "PROBECUR", "BEAMKV"))
    return MsaSpectrum(energy, counts, keys.get("TITLE", ""), time, current, beam)


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _number(keys: dict[str, str], name: str) -> float | None:
    try:
        value = float(keys.get(name, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
