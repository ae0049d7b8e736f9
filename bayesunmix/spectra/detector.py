r"""Model a silicon drift detector: which photons it records, and in which channel.

A photon of energy E gets through the window and the dead layer and stops in the crystal with probability

.. math:: \varepsilon(E) = e^{-\mu_w \rho_w t_w - \mu_{Si} \rho_{Si} t_d} (1 - e^{-\mu_{Si} \rho_{Si} t_{Si}})

and is recorded at a normally distributed energy. The width of that distribution adds electronic noise (constant) and
the statistics of electron-hole pairs (proportional to E): FWHM^2 = offset + slope E. Before it is counted, the photon
may lose

- a part f of its charge, exponentially distributed, which gives the peak a tail towards low energy;
- a Si K photon of 1.74 keV that escapes through the front of the crystal (escape peak).

A count may be two photons that came too close to be separated (sum peak), or none at all (the strobe, with which the
electronics measures its zero). Each effect is a parameter, 0 in the ideal detector.

References
----------
U. Fano, "Ionization yield of radiations. II. The fluctuations of the number of ions", Physical Review 72
(1947) 26-29: the slope.
S. J. B. Reed and N. G. Ware, "Escape peaks and internal fluorescence in X-ray spectra recorded with lithium drifted
silicon detectors", Journal of Physics E 5 (1972) 582-584.
D. E. Newbury and N. W. M. Ritchie, "Is scanning electron microscopy/energy dispersive X-ray spectrometry
(SEM/EDS) quantitative?", Scanning 35 (2013) 141-168: silicon drift detectors in use.
"""

from dataclasses import dataclass

import numpy as np
import xraylib
from scipy.special import log_ndtr, ndtr

from bayesunmix.spectra.absorption import attenuation
from bayesunmix.spectra.channels import channel_edges

FWHM_PER_SD = 2 * np.sqrt(2 * np.log(2))
_WINDOW = ("C22H10N2O5", 1.42)  # polyimide and its density in g/cm3
_CRYSTAL = ("Si", 2.33)
_SILICON = 14
_SI_K_KEV = (1.740, 1.839)  # energy of the line and of the edge
_NOISE_KEV = 0.1  # photons below it are lost in the noise


@dataclass(frozen=True)
class Detector:
    """Describe efficiency, resolution and faults of a detector; `RESPONSES` has two by name.

    Parameters
    ----------
    fwhm_offset_ev2, fwhm_slope_ev2_per_kev : float
        FWHM^2 = offset + slope x energy. The defaults were read off the peaks of the published Ni/Cr needle.
    window_um : float
        Thickness of polyimide in front of the crystal; 0 for a windowless detector. An assumption, as are the next two.
    dead_layer_um : float
        Thickness of silicon at the entrance that absorbs without recording.
    crystal_mm : float
        Thickness of silicon that records.
    tail_share : float
        Fraction of photons that lose charge.
    tail_loss : float
        Mean fraction of the charge that these lose.
    escape : bool
        Whether Si K photons may escape. How many do follows from the attenuation of silicon.
    pile_up : float
        Fraction of counts that are two photons counted as one, at the count rate of the acquisition.
    strobe : float
        Fraction of counts in the zero peak. An instrument adds them per second; here they are proportional to the
        photons.

    Raises
    ------
    ValueError
        If a fraction does not lie between 0 and 1, or a thickness or width is negative.
    """

    fwhm_offset_ev2: float = 5.55e3
    fwhm_slope_ev2_per_kev: float = 2.56e3
    window_um: float = 0.3
    dead_layer_um: float = 0.1
    crystal_mm: float = 0.45
    tail_share: float = 0.0
    tail_loss: float = 0.045
    escape: bool = False
    pile_up: float = 0.0
    strobe: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            most = 1 if name in {"tail_share", "tail_loss", "pile_up", "strobe"} else np.inf
            if not 0 <= value < most:
                raise ValueError(
                    f"{name} must be at least 0 and below {most:g}, got {value}; leave it out for the default"
                )

    def fwhm_kev(self, energy_kev: np.ndarray) -> np.ndarray:
        """Return the full width at half maximum of a line, in keV."""
        variance = self.fwhm_offset_ev2 + self.fwhm_slope_ev2_per_kev * np.asarray(
            energy_kev, dtype=np.float64
        )
        return np.sqrt(variance) / 1000

    def efficiency(self, energy_kev: np.ndarray) -> np.ndarray:
        """Return the probability that a photon which hits the detector is recorded: 0 below 0.1 keV, in the noise."""
        energy_kev = np.asarray(energy_kev, dtype=np.float64)
        above_noise = energy_kev >= _NOISE_KEV
        window = _optical_depth(*_WINDOW, self.window_um * 1e-4, energy_kev)
        dead = _optical_depth(*_CRYSTAL, self.dead_layer_um * 1e-4, energy_kev)
        crystal = _optical_depth(*_CRYSTAL, self.crystal_mm * 1e-1, energy_kev)
        return above_noise * np.exp(-window - dead) * -np.expm1(-crystal)

    def record(self, line_kev: np.ndarray, intensity: np.ndarray, energy_kev: np.ndarray) -> np.ndarray:
        """Return the recorded spectrum of emitted lines.

        Each peak is integrated exactly between channel edges, so its area does not depend on the channel width. Counts
        beyond the ends of the axis are lost, as in the instrument.

        Parameters
        ----------
        line_kev, intensity : (L,) arrays
            Energy and emitted photons of each line.
        energy_kev : (C,) array
            Channel centres.

        Returns
        -------
        photons : (C,) array
        """
        return self._peaks(*self.recorded(line_kev, intensity), channel_edges(energy_kev)[:, None])

    def recorded(self, line_kev: np.ndarray, intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return energy and recorded photons of each peak that emitted lines make: lines, then their escape peaks."""
        line_kev = np.asarray(line_kev, dtype=np.float64)
        photons = intensity * self.efficiency(line_kev)
        if not self.escape:
            return line_kev, photons
        escaped = photons * _escape_share(line_kev)
        left_kev = np.maximum(line_kev - _SI_K_KEV[0], 0)
        return np.concatenate([line_kev, left_kev]), np.concatenate([photons - escaped, escaped])

    def count(self, photons: np.ndarray, energy_kev: np.ndarray) -> np.ndarray:
        """Return what the electronics counts of recorded photons, with sum peaks and strobe.

        Sum peaks follow from the spectrum itself, so this comes last, when all lines and the continuum are recorded.
        Photons below the axis do not contribute to them.

        Parameters
        ----------
        photons : (C,) array
            Recorded photons per channel.
        energy_kev : (C,) array
            Channel centres; evenly spaced if there is pile-up.

        Returns
        -------
        counts : (C,) array
            Not negative. Two photons that pile up are one count, perhaps beyond the axis.

        Raises
        ------
        ValueError
            If there is pile-up and the channels are not even.
        """
        counts = np.asarray(photons, dtype=np.float64)
        if self.pile_up:
            pairs = counts.sum() * self.pile_up / (1 + self.pile_up)
            counts = counts * (1 - 2 * pairs / counts.sum()) + pairs * _pair_spectrum(counts, energy_kev)
        if self.strobe:
            zero = self._peaks(np.zeros(1), np.ones(1), channel_edges(energy_kev)[:, None])
            counts = counts + counts.sum() * self.strobe / (1 - self.strobe) * zero
        return counts

    def _peaks(self, line_kev: np.ndarray, photons: np.ndarray, edges_kev: np.ndarray) -> np.ndarray:
        """Spread the photons of each line over the channels, (C,)."""
        sd = self.fwhm_kev(line_kev) / FWHM_PER_SD
        below_edge = ndtr((edges_kev - line_kev) / sd)
        if self.tail_share and self.tail_loss:
            tail = _below_edge_in_tail(edges_kev, line_kev, sd, self.tail_loss)
            below_edge = below_edge + self.tail_share * (tail - below_edge)
        return np.diff(below_edge, axis=0) @ photons


#: An ideal detector, and one with the faults that were read off the published Ni/Cr needle.
RESPONSES = {
    "ideal": Detector(),
    "realistic": Detector(tail_share=0.08, escape=True, pile_up=0.004, strobe=0.05),
}


def _below_edge_in_tail(
    edge_kev: np.ndarray, line_kev: np.ndarray, sd: np.ndarray, loss: float
) -> np.ndarray:
    """Return the probability to be recorded below an edge for photons that lose an exponential part of their charge."""
    mean_kev = np.maximum(loss * line_kev, 1e-6)
    z = (edge_kev - line_kev) / sd
    steepness = sd / mean_kev
    return ndtr(z) + np.exp(steepness * z + steepness**2 / 2 + log_ndtr(-z - steepness))


def _escape_share(energy_kev: np.ndarray) -> np.ndarray:
    """Return the fraction of the photons whose Si K photon leaves through the front, after Reed and Ware."""
    inward, outward = attenuation("Si", energy_kev), attenuation("Si", np.array(_SI_K_KEV[0]))
    jump = xraylib.JumpFactor(_SILICON, xraylib.K_SHELL)
    yield_k = xraylib.FluorYield(_SILICON, xraylib.K_SHELL) * (1 - 1 / jump)
    share = yield_k / 2 * (1 - outward / inward * np.log1p(inward / outward))
    return np.where(energy_kev > _SI_K_KEV[1], share, 0.0)


def _pair_spectrum(photons: np.ndarray, energy_kev: np.ndarray) -> np.ndarray:
    """Return the spectrum of the sums of two photons, with sum one if all were on the axis."""
    steps = np.diff(energy_kev)
    if not np.allclose(steps, steps[0], rtol=1e-6):
        raise ValueError("sum peaks need evenly spaced channels; set pile_up to 0 or make the axis even")
    share = photons / photons.sum()
    pairs = np.convolve(share, share)
    pairs_kev = 2 * energy_kev[0] + steps[0] * np.arange(pairs.size)
    return np.interp(energy_kev, pairs_kev, pairs, left=0, right=0)


def _optical_depth(formula: str, density: float, thickness_cm: float, energy_kev: np.ndarray) -> np.ndarray:
    return attenuation(formula, energy_kev) * density * thickness_cm
