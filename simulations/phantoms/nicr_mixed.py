"""Si, Cr and Ni mixed everywhere: no pixel contains more than 70 % of one of them.

Without a pure pixel the endmembers are not among the data, and their shape is found only as far as the noise and the
extremes of the mixture allow. Composition follows three smooth random fields that are always the same.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import Axis
from bayesunmix.spectra import Detector
from simulations.nicr import COUNTS_PER_NM, LABELS, LINE_SHARES, MATERIALS, endmembers, energy_axis
from simulations.phantom import PHANTOMS, Phantom

_PIXEL_NM = 4.0
_FOIL_NM = 150.0


@PHANTOMS.register("nicr_mixed")
def nicr_mixed(
    shape: tuple[int, int] = (64, 64),
    *,
    purest: float = 0.70,
    n_channels: int = 900,
    detector: Detector | None = None,
) -> Phantom:
    """Build the mixture.

    Parameters
    ----------
    shape : (int, int)
        Pixels along y and x.
    purest : float
        Largest fraction of the counts of a pixel that one component may have.
    n_channels : int
        Channels between 1 and 10 keV.
    detector : Detector, optional

    Raises
    ------
    ValueError
        If the largest fraction does not lie between a third and one.
    """
    if not 1 / 3 < purest <= 1:
        raise ValueError(f"purest must lie between a third and one, got {purest}")
    noise = np.random.default_rng(5).normal(size=(*shape, len(LABELS)))
    fields = gaussian_filter(noise, (6, 6, 0), mode="wrap")
    shares = np.exp(6 * fields / fields.std())
    shares /= shares.sum(axis=-1, keepdims=True)
    # Mixing in the grey of equal shares takes the purest pixel to the wanted share exactly.
    grey = (shares.max() - purest) / (shares.max() - 1 / 3)
    shares = (1 - grey) * shares + grey / 3
    thickness = (shares / COUNTS_PER_NM).reshape(-1, len(LABELS))
    # Every pixel is as thick as the foil, so that brightness follows composition.
    thickness *= _FOIL_NM / thickness.sum(axis=1, keepdims=True)
    abundances = thickness * COUNTS_PER_NM
    energy_kev = energy_axis(n_channels)
    return Phantom(
        name="nicr_mixed",
        truth=Factorization(endmembers(energy_kev, detector), abundances / abundances.sum(axis=1).mean()),
        energy_kev=energy_kev,
        navigation_shape=tuple(shape),
        labels=LABELS,
        axes=(Axis("y", _PIXEL_NM, "nm"), Axis("x", _PIXEL_NM, "nm")),
        thickness_nm=thickness,
        line_shares=LINE_SHARES,
        materials=MATERIALS,
    )
