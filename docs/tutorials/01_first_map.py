"""
A HyperSpy user's first map
===========================

You know this from HyperSpy: load a spectrum image, decompose it, look at loadings and factors. This tutorial does the
same here and names what is different. It takes a layered film of Cr and Ni on Si, seen in cross-section, as
atom-probe needles of SRM 2135c are cut from it (Taillon, 2022), at 20 counts per pixel.
"""

# %%
# Data
# ----
#
# We write the map to a ``.hspy`` file first, so that reading it is the same as for a file of yours. HyperSpy opens it
# too. ``bu.read`` also takes ``.bcf``, ``.emd``, ``.pts``, ``.rpl`` and ``.zspy``.

import tempfile
import textwrap
import warnings
from pathlib import Path

import numpy as np

import bayesunmix as bu
from simulations import PHANTOMS, acquire
from simulations.writing import write_trial

film = PHANTOMS["nicr_film"](shape=(32, 48), substrate_nm=40, n_channels=450)
trial = acquire(film, dose=20, rng=0)
path = Path(tempfile.mkdtemp()) / "film.hspy"
write_trial(trial, path)

image = bu.read(path)
print(image)

# %%
# The counts are stored sparse: most channels of most pixels are empty. The energy axis is in keV. Nothing is rescaled
# or smoothed, and nothing may be: the methods count photons.
#
# Unmix
# -----
#
# One call does what ``s.decomposition`` and ``s.blind_source_separation`` do. The default method, ``"bayes"``, returns
# an estimate and error bars. We ask for fewer draws than it takes by default, to be quick.

quick = {"n_warmup": 100, "n_draws": 100, "n_maps": 25}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    result = bu.unmix(image, n_components=3, seed=0, progress=False, **quick)

# %%
# What HyperSpy calls *factors* are ``endmembers`` here, and its *loadings* are ``abundances``. Each endmember sums to
# one, so that an abundance is a number of counts.

endmembers, abundances = result.estimate.endmembers, result.estimate.abundances
print("endmembers", endmembers.shape, " abundances", abundances.shape)

# %%
# Look
# ----
#
# The upper row shows the maps. The lower row shows how wide their 90 % intervals are, in counts.

maps = bu.plot_maps(result, image)

# %%
# The spectra carry the names of the elements whose lines they show. The bands are 90 % intervals.

spectra = bu.plot_spectra(result, image)

# %%
# Read the warnings
# -----------------
#
# A fit that did not converge, or an answer that the counts do not determine, is a Python warning of the class
# ``bu.UnmixingWarning``. Here there is one:

for warning in said:
    print(textwrap.fill(f"{warning.category.__name__}: {warning.message}", 88))

# %%
# It says that the *share* of each material may be anything in a range, although its error bar is narrower. Spectra
# that hold the same continuum can exchange some of it without any change of the fit.
# :doc:`/auto_tutorials/03_is_the_answer_unique` is about this.
#
# How good is it?
# ---------------
#
# This film is simulated, so the truth is at hand. ``bu.match`` lines components up with it.

order = bu.match(trial.truth.endmembers, endmembers)
angles = np.diagonal(bu.spectral_angles(trial.truth.endmembers, endmembers[order]))
errors = np.sqrt(np.mean((abundances[:, order] - trial.truth.abundances) ** 2, axis=0))
for label, angle, error in zip(film.labels, angles, errors, strict=True):
    print(f"{label}: the spectrum is {angle:.1f} degrees off, the map {error:.1f} counts (of 20)")

# %%
# The same with one of HyperSpy's methods in mind: non-negative matrix factorisation is ``"nmf"``, with the Poisson
# likelihood. It is fast and has no error bars.

nmf = bu.unmix(image, n_components=3, method="nmf", seed=0)
order = bu.match(trial.truth.endmembers, nmf.estimate.endmembers)
errors = np.sqrt(np.mean((nmf.estimate.abundances[:, order] - trial.truth.abundances) ** 2, axis=0))
print("map errors of nmf:", ", ".join(f"{error:.1f}" for error in errors), "counts")

# %%
# Back to HyperSpy
# ----------------
#
# Where HyperSpy is installed, ``bu.to_hyperspy(result)`` returns signals with axes and units, and ``bu.from_hyperspy``
# takes a signal: see :doc:`/howto/export`. ``bu.save_result(result, "film.nc")`` keeps everything, draws included.
