r"""Find how long a component was exposed, and write its spectrum for programs that correct for the matrix.

A spectrum can be compared with a standard only if its exposure is known. A component is spread over many pixels, each
with a part of its area. Where some pixels are nearly pure, their mean counts say how bright the component is, and

.. math:: n_k = \sum_p a_{pk} \Big/ \operatorname{median}_{p \,\text{pure}} \sum_j a_{pj}

is the number of pixels that it would fill. Without pure pixels the exposure is not known, and the file says so.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bayesunmix.contracts.arguments import require_nonnegative, require_result_of
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.io.msa import MsaSpectrum, save_msa
from bayesunmix.quantification.film import require_positive
from bayesunmix.running.home import at_home

PURE = 0.9  # share of the counts of a pixel
_LEAST_PIXELS = 3


def filled_pixels(result: Unmixing) -> list[float | None]:
    """Return how many pixels each component would fill; None where no pixel is nearly pure."""
    abundances = np.asarray(result.estimate.abundances, np.float64)
    totals = abundances.sum(axis=1)
    found: list[float | None] = []
    for own in abundances.T:
        pure = own > PURE * np.maximum(totals, 1e-12)
        bright = np.median(totals[pure]) if pure.sum() >= _LEAST_PIXELS else 0.0
        found.append(float(own.sum() / bright) if bright > 0 else None)
    return found


def component_spectra(
    result: Unmixing,
    image: SpectrumImage,
    live_time_s: float | None = None,
    probe_na: float | None = None,
    beam_kev: float | None = None,
) -> list[MsaSpectrum]:
    """Return the spectrum of each component in expected counts, with its exposure as far as it is known.

    Parameters
    ----------
    result : Unmixing
    image : SpectrumImage
    live_time_s, probe_na, beam_kev : float, optional
        Live time of one pixel, beam current, and energy of the electrons.
    """
    counts = np.asarray(result.estimate.abundances.sum(axis=0), np.float64)
    spectra = []
    for name, size, endmember, pixels in zip(
        result.names, counts, result.estimate.endmembers, filled_pixels(result), strict=True
    ):
        time = None if pixels is None or live_time_s is None else pixels * live_time_s
        known = (
            "exposure not known: no pixel is nearly pure"
            if pixels is None
            else f"area of {pixels:.6g} pixels"
        )
        spectra.append(
            MsaSpectrum(
                image.energy_kev,
                size * endmember,
                name,
                time,
                probe_na,
                beam_kev,
                known,
            )
        )
    return spectra


def write_msa(
    result: Unmixing,
    image: SpectrumImage,
    folder: str | Path,
    *,
    live_time_s: float | None = None,
    probe_na: float | None = None,
    beam_kev: float | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write the spectrum of each component to an .msa file, for DTSA-II, NeXL, CalcZAF and others.

    Parameters
    ----------
    result : Unmixing
    image : SpectrumImage
        The image that was unmixed.
    folder : str or Path
        An existing folder.
    live_time_s : float, optional
        Live time of one pixel. Times the pixels that a component would fill, it is the live time of its spectrum.
    probe_na, beam_kev : float, optional
        Beam current in nA, and energy of the electrons in keV.
    overwrite : bool
        Whether files of the names are replaced.

    Returns
    -------
    files : tuple of Path

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If an argument is not of the required kind, the counts are no X-rays, there is no such folder, or a file of the
        name is there.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> counts = np.random.default_rng(0).poisson(3.0, (3, 4, 12))
    >>> image = bu.SpectrumImage(counts, 1.0 + np.arange(12))
    >>> result = bu.unmix(image, 1, "nmf")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in bu.write_msa(result, image, folder, live_time_s=0.01, probe_na=1.5)]
    ['component_0.msa']
    """
    require_result_of(result, image)
    image.spectral_axis.require_xray()
    require_nonnegative(result, "a spectrum is made of counts")
    for name, value in (("live_time_s", live_time_s), ("probe_na", probe_na), ("beam_kev", beam_kev)):
        require_positive(name, value)
    place = at_home(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"there is no folder {str(place)!r} to write spectra in; make it first")
    files = tuple(place / f"{stem}.msa" for stem in _stems(result.names))
    taken = next((file for file in files if file.exists()), None)
    if taken is not None and not overwrite:
        raise ValueError(
            f"the file {str(taken)!r} is there already; choose another folder, or pass overwrite=True"
        )
    spectra = component_spectra(result, image, live_time_s, probe_na, beam_kev)
    for file, spectrum in zip(files, spectra, strict=True):
        save_msa(file, spectrum)
    return files


def _stems(names: Sequence[str]) -> list[str]:
    """Make file names of the names of components."""
    plain = [re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.") or "component" for name in names]
    return [stem if plain.count(stem) == 1 else f"{stem}_{k}" for k, stem in enumerate(plain)]
