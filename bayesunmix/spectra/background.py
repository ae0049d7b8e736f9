r"""The continuum that electrons radiate as they are deflected by nuclei (bremsstrahlung).

Kramers' law for the number of photons per unit energy, for electrons of energy :math:`E_0`,

.. math:: N(E) \propto \frac{E_0 - E}{E}, \qquad 0 < E < E_0,

holds for a target that stops the electrons; in a thin film the photon energy is spread evenly, N(E) ~ 1/E,
which is the same law for :math:`E \ll E_0`.

References
----------
H. A. Kramers, "On the theory of X-ray absorption and of the continuous X-ray spectrum",
Philosophical Magazine 46 (1923) 836-871.
"""

import numpy as np

from bayesunmix.spectra.channels import channel_edges


def kramers(energy_kev: np.ndarray, beam_kev: float) -> np.ndarray:
    """Continuum photons per channel, as emitted; `Detector.record` turns them into recorded ones.

    Integrated exactly over each channel. To record them, take an axis that reaches a few peak widths beyond
    the detector's on both sides: photons from there are recorded inside it.

    Parameters
    ----------
    energy_kev : (C,) array
        Channel centres.
    beam_kev : float
        Energy of the electrons; no photon has more.

    Returns
    -------
    photons : (C,) array
        Not negative, sums to one.

    Raises
    ------
    ValueError
        If the axis does not lie above 0 keV, or starts above the beam energy.
    """
    edges = channel_edges(energy_kev)
    if not 0 < edges[0] < beam_kev < np.inf:
        raise ValueError(
            f"the continuum needs 0 < lowest channel edge < beam energy, got an edge at {edges[0]:g} keV "
            f"and a beam of {beam_kev:g} keV; crop the axis or correct beam_kev"
        )
    inside = np.minimum(edges, beam_kev)
    photons = np.diff(beam_kev * np.log(inside) - inside)
    return photons / photons.sum()
