"""Make the phantom of a stack of materials: thickness along the beam times what a nanometre emits.

Mixing is linear: the expected counts of a pixel are the sum over materials of thickness x counts per nanometre x the
material's endmember. Counts per nanometre follow from density and thin-film emission (`bayesunmix.spectra`), so that
the brightness of one material relative to another is physics and not a choice.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import Detector, thin_film
from simulations.material import Material
from simulations.phantom import Phantom

_UG_PER_CM2_PER_NM = 0.1  # mass thickness of a nanometre of density 1 g/cm3


def specimen(
    name: str,
    materials: Mapping[str, Material],
    thickness_nm: np.ndarray,
    energy_kev: np.ndarray,
    *,
    pixel_nm: float,
    beam_kev: float = 200.0,
    detector: Detector | None = None,
    brightness: Sequence[float] | None = None,
    relative_dose: np.ndarray | None = None,
    takeoff_deg: float | None = None,
) -> Phantom:
    """Make the phantom of a stack of materials.

    Parameters
    ----------
    name : str
        Registered name of the phantom.
    materials : mapping from str to Material
        K components by label.
    thickness_nm : (Y, X, K) array
        Thickness of each material along the beam; vacuum where all are 0.
    energy_kev : (C,) array
        Channel centres.
    pixel_nm : float
    beam_kev : float
        Beam energy, an assumption of the phantom.
    detector : Detector, optional
    brightness : sequence of K floats, optional
        Counts of a nanometre of each material relative to one another, if they are given and not computed.
    relative_dose : (Y, X) array, optional
        Dose of each pixel over that of the others.
    takeoff_deg : float, optional
        Angle of the detector, where absorption is a part of the phantom.

    Raises
    ------
    ValueError
        If an element is unknown, or no line of a material lies on the axis.
    """
    detector = detector or Detector()
    films = [thin_film(material.composition, beam_kev) for material in materials.values()]
    spectra = np.array([film.record(energy_kev, detector) for film in films])
    per_ug = spectra.sum(axis=1)
    computed = per_ug * [_UG_PER_CM2_PER_NM * material.density_g_cm3 for material in materials.values()]
    per_nm = computed if brightness is None else np.array(brightness)
    thickness = np.asarray(thickness_nm, dtype=np.float64).reshape(-1, len(films))
    dose = None if relative_dose is None else np.array(relative_dose, np.float64).ravel()
    abundances = thickness * per_nm * (1.0 if dose is None else dose[:, None])
    total = abundances.sum(axis=1)
    return Phantom(
        name=name,
        truth=Factorization(spectra / per_ug[:, None], abundances / total[total > 0].mean()),
        energy_kev=energy_kev,
        navigation_shape=thickness_nm.shape[:-1],
        labels=tuple(materials),
        axes=(Axis("y", pixel_nm, "nm"), Axis("x", pixel_nm, "nm")),
        thickness_nm=thickness,
        line_shares=_line_shares(films, energy_kev, detector, per_ug),
        materials=tuple(materials.values()),
        relative_dose=dose,
        takeoff_deg=takeoff_deg,
    )


def channels(n_channels: int, low_kev: float = 0.2, step_kev: float = 0.010) -> np.ndarray:
    """Return channel centres in keV of an even axis, (C,)."""
    if n_channels < 2 or int(n_channels) != n_channels:
        raise ValueError(f"n_channels must be a whole number from 2 on, got {n_channels}")
    return low_kev + step_kev * np.arange(n_channels)


def sphere_chords(
    shape: tuple[int, int], pixel_nm: float, centres_nm: np.ndarray, radii_nm: np.ndarray
) -> np.ndarray:
    """Return the path of the beam through each of some spheres, averaged over each pixel.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    pixel_nm : float
    centres_nm : (S, 2) array
        (y, x) from the corner of the field.
    radii_nm : (S,) array

    Returns
    -------
    chords_nm : (S, Y, X) array
    """
    fine = 5  # rays along each edge of a pixel
    y, x = (pixel_nm * (np.arange(n * fine) + 0.5) / fine for n in shape)
    chords = []
    for (centre_y, centre_x), radius in zip(centres_nm, radii_nm, strict=True):
        apart = (y[:, None] - centre_y) ** 2 + (x - centre_x) ** 2
        chord = 2 * np.sqrt(np.maximum(radius**2 - apart, 0))
        chords.append(chord.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3)))
    return np.array(chords)


def _line_shares(
    films: list, energy_kev: np.ndarray, detector: Detector, per_ug: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the fraction of each film's counts that its families of lines make, without the continuum under them."""
    shares: dict[str, np.ndarray] = {}
    for k, film in enumerate(films):
        for family in film.families():
            mine = np.array([line.startswith(family) for line in film.lines.names])
            net = detector.record(film.lines.energy_kev[mine], film.lines.intensity[mine], energy_kev).sum()
            if net > 1e-9 * per_ug[k]:
                shares.setdefault(family, np.zeros(len(films)))[k] = net / per_ug[k]
    return shares
