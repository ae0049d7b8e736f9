"""
A tilt series larger than memory
================================

A tomographic series of spectrum images has a billion entries and more. This tutorial writes one to disk
without ever holding it in memory, reads it, and unmixes all its tilts together. Nine tilts stand for the 73 of the
NIST short course (Taillon, 2022), whose needle this phantom is fitted to.
"""

# %%
# Stream it to disk
# -----------------
#
# ``write_series`` draws photons block by block, straight into an HDF5 file. From a shell it is
# ``python -m simulations write nicr_needle --tilts 9 --dose 28 --out needle.h5``.

import tempfile
from pathlib import Path

import numpy as np

import bayesunmix as bu
from simulations import PHANTOMS
from simulations.store import write_series

needle = PHANTOMS["nicr_needle"](tilts=9, step_deg=20)
path = Path(tempfile.mkdtemp()) / "needle.h5"
truth = write_series(needle, dose=28, rng=0, path=path)
print(f"{path.stat().st_size / 2**20:.1f} MiB on disk")

# %%
# Read it
# -------
#
# The counts stay sparse: memory grows with the number of photons, not with pixels times channels.

image = bu.read(path)
print(image)
dense = np.prod(image.shape) * 4 / 2**20
sparse = sum(part.nbytes for part in (image.counts.data, image.counts.indices, image.counts.indptr)) / 2**20
print(f"{sparse:.0f} MiB in memory; as a dense array of 32-bit numbers it would be {dense:.0f} MiB")

# %%
# Unmix all tilts together
# ------------------------
#
# The materials are the same at every tilt, so all of them share the endmembers. The tilt is one more navigation axis.
# ``"nmf"`` takes seconds. ``"bayes"`` works on a series too; it takes minutes, and from 4 million photons on it keeps
# fewer draws, which its settings say.

result = bu.unmix(image, n_components=3, method="nmf", seed=0)
result = result.reorder(bu.match(truth.endmembers, result.estimate.endmembers))
print(np.diagonal(bu.spectral_angles(truth.endmembers, result.estimate.endmembers)).round(2), "degrees off")

# %%
# Abundances of the series have the shape (tilts, y, x, components). Each map is a projection, ready for a tomographic
# reconstruction of that material.

maps = result.estimate.abundances.reshape(*image.navigation_shape, -1)
print(maps.shape)

from matplotlib.figure import Figure

figure = Figure(figsize=(9, 5), layout="constrained")
for row, k in zip(figure.subplots(3, 4), range(3), strict=True):
    for axes, tilt in zip(row, range(0, 8, 2), strict=True):
        axes.imshow(maps[tilt, ..., k], vmin=0, vmax=np.quantile(maps[..., k], 0.999), cmap="gray")
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"{needle.labels[k]}, {needle.tilts_deg[tilt]:g} degrees", fontsize=9)

# %%
# Memory and time
# ---------------
#
# ``result.info`` says what the fit took. For series of the full size, see the measurements in :doc:`/results/index`.

print(f"{result.info['fit_seconds']:.1f} s, and {result.info['compile_seconds']:.1f} s of compiling")
