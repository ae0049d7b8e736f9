"""Compute paths out of a voxel model: what a photon crosses between the voxel that emits it and the detector.

The detector is beside the specimen, in the plane across the tilt axis: at the side +y of the untilted field, and by the
take-off angle above it, towards +z. The side is an assumption. Rays are summed in steps of one voxel, with linear
interpolation between voxels.
"""

import numpy as np
from scipy import sparse

from simulations.projection import ray_sums


def exit_paths(present: np.ndarray, tilt_deg: float, takeoff_deg: float) -> np.ndarray:
    """Return the mean path out of the specimen for the photons of each pixel and material.

    Parameters
    ----------
    present : (Z, Y, X, K) array
        Fraction of each material in each voxel. The beam runs along z at tilt 0, and the tilt axis is x.
    tilt_deg : float
        Positive tilts turn +y towards +z.
    takeoff_deg : float
        Angle of the detector above the plane across the beam.

    Returns
    -------
    paths : (Y, X, K, K) array
        Voxels of material j that photons of component k cross, at [..., k, j]; 0 where a pixel has none of k.
    """
    depth, height, width, n_materials = present.shape
    columns = present.reshape(depth * height, -1)
    filled = np.flatnonzero(columns.any(axis=1))
    rays = _rays(filled, (depth, height), np.radians(takeoff_deg), np.radians(tilt_deg))
    crossed = np.zeros((depth * height, width, n_materials), np.float32)
    crossed[filled] = (rays @ columns[filled].astype(np.float32)).reshape(-1, width, n_materials)
    present = present.reshape(depth, height, width, n_materials, 1)
    crossed = crossed.reshape(depth, height, width, 1, n_materials)
    emitted = ray_sums(present, tilt_deg)
    total = ray_sums(present * crossed, tilt_deg)
    return np.where(emitted > 1e-9, total / np.maximum(emitted, 1e-9), 0)


def _rays(filled: np.ndarray, shape: tuple[int, int], takeoff: float, tilt: float) -> sparse.csr_array:
    """Return how much of every filled voxel the ray from every other one to the detector crosses, in the plane z, y."""
    where = np.full((shape[0] + 2, shape[1] + 2), -1)
    z, y = np.divmod(filled, shape[1])
    where[z + 1, y + 1] = np.arange(filled.size)
    # The detector's direction, turned back into the specimen's frame.
    toward_y = np.cos(takeoff) * np.cos(tilt) + np.sin(takeoff) * np.sin(tilt)
    toward_z = np.sin(takeoff) * np.cos(tilt) - np.cos(takeoff) * np.sin(tilt)
    longest = np.hypot(np.ptp(z), np.ptp(y)) + 1
    starts, ends, shares = [], [], []
    for step in np.arange(0.5, longest):
        at_z, at_y = z + step * toward_z, y + step * toward_y
        for corner_z in (np.floor(at_z), np.floor(at_z) + 1):
            for corner_y in (np.floor(at_y), np.floor(at_y) + 1):
                share = (1 - abs(at_z - corner_z)) * (1 - abs(at_y - corner_y))
                inside = (corner_z >= -1) & (corner_z <= shape[0]) & (corner_y >= -1) & (corner_y <= shape[1])
                end = np.full(filled.size, -1)
                end[inside] = where[corner_z[inside].astype(int) + 1, corner_y[inside].astype(int) + 1]
                met = (end >= 0) & (share > 0)
                starts.append(np.flatnonzero(met))
                ends.append(end[met])
                shares.append(share[met].astype(np.float32))
    entries = (np.concatenate(starts), np.concatenate(ends))
    return sparse.csr_array((np.concatenate(shares), entries), shape=(filled.size, filled.size))
