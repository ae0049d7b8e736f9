"""Cross-section of the Ni/Cr film of SRM 2135c: Cr and Ni layers on Si, with vacuum above the surface.

The growth direction is x: substrate at the left, then Cr, Ni, Cr, ... up to the surface, then vacuum. Between
two materials the composition follows an error function, the profile of Gaussian intermixing, about a boundary that
may be rough; the surface is sharp and flat. Every pixel is the exact average of the profile over its width.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import Detector
from simulations.nicr import BRIGHTNESS, LABELS, LINE_SHARES, MATERIALS, endmembers, energy_axis
from simulations.phantom import PHANTOMS, Phantom

_FOIL_NM = 80.0
# Rough boundaries wander over about this length along y; an assumption.
_CORRELATION_NM = 24.0


@PHANTOMS.register("nicr_film")
def nicr_film(
    shape: tuple[int, int] = (64, 64),
    *,
    n_channels: int = 900,
    pixel_nm: float = 4.0,
    substrate_nm: float = 64.0,
    cr_nm: float = 56.0,
    ni_nm: float = 68.0,
    vacuum_nm: float = 16.0,
    lean_deg: float = 5.7,
    interface_nm: float = 2.0,
    roughness_nm: float = 0.0,
    detector: Detector | None = None,
) -> Phantom:
    """Build the layered film.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y (in the layers) and x (across them); (124, 165) in the NIST short course (`simulations.nicr`).
    n_channels : int
        Channels between 1 and 10 keV; 900 in the short course.
    pixel_nm : float
        Size of a pixel; 4 nm in the short course.
    substrate_nm : float
        Si inside the field, half-way up; an assumption that leaves room for three layers in 64 pixels.
    cr_nm, ni_nm : float
        Layer thickness; 56 and 68 nm in the short course. Layers alternate, Cr first, as long as there is room.
    vacuum_nm : float
        Margin between the surface and the right edge, half-way up; an assumption.
    lean_deg : float
        Angle between the layers and y; about 6 pixels over the height of the needle in the short course.
    interface_nm : float
        Standard deviation of the intermixing (10-90 % width: 2.56 times that); an assumption, 0 for sharp.
    roughness_nm : float
        Standard deviation of each boundary's position along y; 0 for flat.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If a size is not positive, or the field has no room for each of Si, Cr and Ni.
    """
    _require_sizes(shape, pixel_nm=pixel_nm, substrate_nm=substrate_nm, cr_nm=cr_nm, ni_nm=ni_nm)
    for name, length in {"vacuum": vacuum_nm, "interface": interface_nm, "roughness": roughness_nm}.items():
        if not 0 <= length < np.inf:
            raise ValueError(f"{name}_nm must not be negative, and finite, got {length}")
    if not abs(lean_deg) < 90:
        raise ValueError(f"lean_deg must lie between -90 and 90, got {lean_deg}")
    surface_nm = shape[1] * pixel_nm - vacuum_nm
    starts_nm = _layer_starts(substrate_nm, (cr_nm, ni_nm), surface_nm)
    position = _position_nm(shape, pixel_nm, lean_deg)
    places = np.array(starts_nm)[:, None] + _roughness(len(starts_nm), shape[0], pixel_nm, roughness_nm)
    fractions = _fractions(position, places, pixel_nm, interface_nm)
    filled = np.clip((surface_nm - position) / pixel_nm + 0.5, 0, 1)
    abundances = (fractions * BRIGHTNESS * filled[..., None]).reshape(-1, len(LABELS))
    total = abundances.sum(axis=1)
    energy_kev = energy_axis(n_channels)
    return Phantom(
        name="nicr_film",
        truth=Factorization(endmembers(energy_kev, detector), abundances / total[total > 0].mean()),
        energy_kev=energy_kev,
        navigation_shape=tuple(shape),
        labels=LABELS,
        axes=(Axis("y", pixel_nm, "nm"), Axis("x", pixel_nm, "nm")),
        thickness_nm=_FOIL_NM * (fractions * filled[..., None]).reshape(-1, len(LABELS)),
        line_shares=LINE_SHARES,
        materials=MATERIALS,
    )


def _require_sizes(shape: tuple[int, int], **lengths_nm: float) -> None:
    if len(shape) != 2 or min(shape) < 1 or any(int(n) != n for n in shape):
        raise ValueError(f"shape must be two whole numbers of pixels (y, x), got {shape}")
    for name, length in lengths_nm.items():
        if not 0 < length < np.inf:
            raise ValueError(f"{name} must be a positive length in nm, got {length}")


def _layer_starts(substrate_nm: float, layers_nm: tuple[float, float], surface_nm: float) -> list[float]:
    """Return where each layer begins, from the substrate's up to the last one below the surface."""
    starts = [substrate_nm]
    while starts[-1] < surface_nm:
        starts.append(starts[-1] + layers_nm[(len(starts) - 1) % 2])
    starts.pop()
    if len(starts) < 2:
        raise ValueError(
            f"the field must hold Si, Cr and Ni, but its surface at {surface_nm:g} nm lies below the first "
            f"Ni layer at {substrate_nm + layers_nm[0]:g} nm; give shape more columns or raise pixel_nm"
        )
    return starts


def _position_nm(shape: tuple[int, int], pixel_nm: float, lean_deg: float) -> np.ndarray:
    """Return the distance of each pixel's centre from the left edge, followed along the lean to half-way up."""
    y, x = (np.arange(n) + 0.5 for n in shape)
    return pixel_nm * (x + np.tan(np.radians(lean_deg)) * (y[:, None] - shape[0] / 2))


def _roughness(n_layers: int, rows: int, pixel_nm: float, sd: float) -> np.ndarray:
    """Return how far each boundary is displaced in each row, (layers, y): smooth, and always the same."""
    if sd == 0:
        return np.zeros((n_layers, rows))
    noise = np.random.default_rng(2135).normal(size=(n_layers, rows))
    smooth = gaussian_filter1d(noise, _CORRELATION_NM / pixel_nm, axis=1, mode="wrap")
    smooth -= smooth.mean(axis=1, keepdims=True)
    return sd * smooth / np.maximum(smooth.std(axis=1, keepdims=True), 1e-12)


def _fractions(position: np.ndarray, places: np.ndarray, pixel_nm: float, interface_nm: float) -> np.ndarray:
    """Return the fraction of Si, Cr and Ni in each pixel, (y, x, 3): beyond a layer's start and not beyond the next."""
    fractions = np.zeros((*position.shape, len(LABELS)))
    beyond = np.ones_like(position)
    for layer in range(len(places) + 1):
        is_last = layer == len(places)
        step = 0 if is_last else _step(position - places[layer][:, None], pixel_nm, interface_nm)
        # Where a rough boundary would overtake the one before it, the layer between them is gone.
        beyond_next = np.minimum(beyond, step)
        # 0 is Si; from the substrate on, Cr (1) and Ni (2) take turns.
        component = 0 if layer == 0 else 2 - layer % 2
        fractions[..., component] += beyond - beyond_next
        beyond = beyond_next
    return fractions


def _step(distance: np.ndarray, pixel: float, sd: float) -> np.ndarray:
    """Return the mean over a pixel of a step from 0 to 1 at distance 0, blurred with a standard deviation."""
    return (_ramp(distance + pixel / 2, sd) - _ramp(distance - pixel / 2, sd)) / pixel


def _ramp(x: np.ndarray, sd: float) -> np.ndarray:
    """Return the integral of the blurred step up to x."""
    if sd < 1e-9:  # sharp, and x / sd would overflow
        return np.maximum(x, 0)
    z = x / sd
    return x * ndtr(z) + sd * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
