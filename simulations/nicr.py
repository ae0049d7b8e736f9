"""Define the material of the Ni/Cr specimens: spectra and brightness of Si, Cr and Ni as published for SRM 2135c.

The numbers were read off the figures of the NIST short course: NMF endmembers and count maps of the atom-probe needle.
What the short course does not state is an assumption, and is called one.

All three published endmembers also show a small peak at 9.24 keV, where Ga Ka lies, and a weaker excess at the place of
Ga La, as a needle milled with a Ga beam would. These are not modelled.

References
----------
J. Taillon, NIST short course (2022): the tilt series of a needle of SRM 2135c.
"""

import numpy as np

from bayesunmix.spectra import Detector, kramers, lines
from simulations.material import Material

LABELS = ("Si", "Cr", "Ni")
MATERIALS = (Material("Si", 2.33), Material("Cr", 7.19), Material("Ni", 8.91))
#: Counts from 1 to 10 keV of a pixel of the pure material, relative to one another.
BRIGHTNESS = np.array([23.0, 33.0, 30.0])
#: Counts of a pixel for each nanometre of material, at the dose of the short course: fitted to its three count maps.
COUNTS_PER_NM = np.array([0.115, 0.200, 0.195])
#: Share of the K lines in these counts; the rest is continuum.
LINE_SHARE = (0.919, 0.858, 0.827)
#: Net counts of each family of lines, as `Phantom.line_shares`.
LINE_SHARES = {
    f"{label}_K": share * np.eye(len(LABELS))[k]
    for k, (label, share) in enumerate(zip(LABELS, LINE_SHARE, strict=True))
}
#: Assumption: the short course states no beam energy. Above 100 keV the value hardly matters below 10 keV.
BEAM_KEV = 200.0


def energy_axis(n_channels: int = 900) -> np.ndarray:
    """Return channel centres in keV: edges from 0.995 to 9.995 keV, cut into equal channels.

    900 channels are the axis of the short course, 1.00 keV + 0.010 keV per channel.
    """
    if n_channels < 2 or int(n_channels) != n_channels:
        raise ValueError(f"n_channels must be a whole number from 2 on, got {n_channels}; for example 900")
    return 0.995 + (np.arange(n_channels) + 0.5) * (9.0 / n_channels)


def endmembers(energy_kev: np.ndarray, detector: Detector | None = None) -> np.ndarray:
    """Return the spectra of Si, Cr and Ni: K lines on one shared continuum, (3, C), each summing to one.

    The L lines of Ni and Cr (below 0.9 keV) lie under the axis.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    detector : Detector, optional
        Where not given: the resolution of the short course and ordinary windows, by assumption. With the faults of
        `bayesunmix.spectra.RESPONSES["realistic"]` the spectra come closer to the published ones.
    """
    detector = detector or Detector()
    emitted_kev = np.arange(0.5, 10.5, 0.01)  # beyond the axis by several peak widths
    continuum = detector.record(emitted_kev, kramers(emitted_kev, BEAM_KEV), energy_kev)
    spectra = []
    for element, share in zip(LABELS, LINE_SHARE, strict=True):
        family = lines(element, "K")
        peaks = detector.record(family.energy_kev, family.intensity, energy_kev)
        spectrum = share * peaks / peaks.sum() + (1 - share) * continuum / continuum.sum()
        counts = detector.count(spectrum, energy_kev)
        spectra.append(counts / counts.sum())
    return np.array(spectra)
