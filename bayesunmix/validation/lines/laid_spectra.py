"""Lay a claimed spectrum on the channels of the counts."""

import numpy as np

from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.validation.lines.spectrum_faults import rebinned

SAME_KEV = 1e-4
_LEAST_OVERLAP = 0.5


def laid_on(energy: np.ndarray, claimed: ClaimedSpectrum) -> tuple[np.ndarray, np.ndarray] | str:
    """Return a spectrum on the channels of the image, and those that it covers; or why that is not possible."""
    if claimed.energy_kev is None:
        if claimed.counts.size == energy.size:
            return claimed.counts, np.ones(energy.size, bool)
        return (
            f"Its spectrum has {claimed.counts.size} channels and the counts {energy.size}: give its energies, or read "
            "the counts with all channels (crop_below_kev=None)"
        )
    covered = (energy >= claimed.energy_kev[0]) & (energy <= claimed.energy_kev[-1])
    if covered.mean() < _LEAST_OVERLAP:
        return (
            f"Its energies, {claimed.energy_kev[0]:.2f} to {claimed.energy_kev[-1]:.2f} keV, cover less than half of "
            "those of the counts: are they in keV?"
        )
    if claimed.energy_kev.size == energy.size and np.allclose(
        claimed.energy_kev, energy, rtol=0, atol=SAME_KEV
    ):
        return claimed.counts, covered
    return rebinned(claimed.energy_kev, claimed.counts, energy), covered
