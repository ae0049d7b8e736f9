"""Project a voxel model: what a beam along z crosses when the specimen is tilted about x.

A voxel is a cube of edge 1 (in pixels). Seen along the beam at tilt t it casts a shadow across y, whose density is the
convolution of two boxes, as wide as cos t and sin t: a trapezoid of area 1. Each pixel gets the part of the trapezoid
between its edges, so a row of pixels gets the whole voxel at every tilt. Mass is conserved to the last digit as long as
the shadow stays inside the field.

References
----------
B. De Man and S. Basu, "Distance-driven projection and backprojection in three dimensions", Physics in Medicine and
Biology 49 (2004) 2463-2475.
"""

import numpy as np
from scipy import sparse


def ray_sums(volume: np.ndarray, tilt_deg: float) -> np.ndarray:
    """Project a volume along the beam.

    Parameters
    ----------
    volume : (Z, Y, X, ...) array
        Anything per voxel that sums along a ray: the fraction of each material, a density. The beam runs along z at
        tilt 0, and the tilt axis is x, through the centre of the volume. Further axes are projected one by one.
    tilt_deg : float
        Positive tilts turn +y towards +z.

    Returns
    -------
    sums : (Y, X, ...) array
        Sum over the voxels of value times the length of the ray inside them, in voxels.

    Raises
    ------
    ValueError
        If the volume has fewer than three axes, or casts part of its shadow outside the field.
    """
    volume = np.asarray(volume)
    if volume.ndim < 3:
        raise ValueError(f"volume must have the axes z, y, x (and more perhaps), got shape {volume.shape}")
    depth, height = volume.shape[:2]
    columns = volume.reshape(depth * height, -1)
    filled = np.flatnonzero(columns.any(axis=1))
    z, y = np.divmod(filled, height)
    shadows = _shadows(z - (depth - 1) / 2, y - (height - 1) / 2, np.radians(tilt_deg), height)
    return (shadows @ columns[filled].astype(np.float64)).reshape(volume.shape[1:])


def _shadows(z: np.ndarray, y: np.ndarray, tilt: float, height: int) -> sparse.csr_array:
    """Return the fraction of each voxel's shadow that each row of pixels gets, (Y, voxels); columns sum to one."""
    centre = y * np.cos(tilt) - z * np.sin(tilt) + height / 2
    first = np.floor(centre).astype(int) - 1
    # The shadow is at most sqrt(2) wide: it touches the row of its centre and the two next to it.
    edges = first + np.arange(4)[:, None]
    share = np.diff(_trapezoid_below(edges - centre, abs(np.cos(tilt)), abs(np.sin(tilt))), axis=0)
    row = edges[:3]
    if ((share > 1e-9) & ((row < 0) | (row >= height))).any():
        raise ValueError("the tilted volume must stay inside the field; leave more vacuum round the specimen")
    kept = share > 1e-9
    voxel = np.broadcast_to(np.arange(centre.size), share.shape)
    share = np.where(kept, share, 0)
    share = share / share.sum(axis=0)
    return sparse.csr_array((share[kept], (row[kept], voxel[kept])), shape=(height, centre.size))


def _trapezoid_below(u: np.ndarray, wide: float, narrow: float) -> np.ndarray:
    """Return the integral up to u of the convolution of two boxes of area 1, of the given widths, both about 0."""
    wide, narrow = max(wide, narrow), min(wide, narrow)
    if narrow < 1e-9:  # a box: the formula would divide by its vanishing side
        return np.clip(u / wide + 0.5, 0, 1)

    def ramp(shift: float) -> np.ndarray:
        return np.maximum(u + shift, 0) ** 2 / 2

    outer, inner = (wide + narrow) / 2, (wide - narrow) / 2
    return (ramp(outer) - ramp(inner) - ramp(-inner) + ramp(-outer)) / (wide * narrow)
