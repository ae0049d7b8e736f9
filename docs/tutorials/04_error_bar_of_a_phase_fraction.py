"""
Error bar of a phase fraction
=============================

How much nickel is in the field, and how wrong may the number be? This tutorial reads the three columns of the answer
and shows why the intervals of pixels must not be added up.
"""

# %%
# Fit once
# --------

import warnings

import numpy as np

import bayesunmix as bu
from simulations import PHANTOMS, acquire

trial = acquire(PHANTOMS["nicr_film"](shape=(32, 48), substrate_nm=40, n_channels=450), dose=10, rng=1)
image = trial.image
quick = {"n_warmup": 100, "n_draws": 100, "n_maps": 25}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", bu.NotIdentifiedWarning)  # it is the subject of another tutorial
    result = bu.unmix(image, n_components=3, seed=0, progress=False, **quick)
result = result.reorder(bu.match(trial.truth.endmembers, result.estimate.endmembers))

maps = bu.plot_maps(result, image)

# %%
# The whole field
# ---------------

fractions = bu.phase_fractions(result, image)
print(fractions)

# %%
# Three columns are kept apart, because they shrink with different things:
#
# ``counting sd``
#     The error if the spectra were known. More counts in the region make it smaller.
# ``endmember sd``
#     What is added because the spectra are not known. More counts anywhere make it smaller.
# ``feasible +-``
#     Half of the range of values that fit the counts as well, because spectra can be mixed among each other. No number
#     of counts makes it smaller. ``identified`` compares it with the other two.
#
# The truth:

truth = trial.truth.abundances.sum(axis=0) / trial.truth.abundances.sum()
print(", ".join(f"{label} {share:.4f}" for label, share in zip(trial.phantom.labels, truth, strict=True)))

# %%
# A region
# --------
#
# Any mask of pixels will do. Here it is the right half of the field. ``identified=`` hands over what was found for the
# whole image, so that it is not computed again.

identified = bu.identify(result, image)
right = np.zeros((32, 48), bool)
right[:, 24:] = True
print(bu.region(result, image, right, identified=identified))

# %%
# Do not add up pixels
# --------------------
#
# The draws of single pixels each carry their own weak prior. In the sum of many pixels these small biases add up,
# while the counting noise averages out. ``bu.region`` sums the counts first and infers once. Compare, for Ni (component
# 2) in the right half:

inside = right.ravel()
draws = result.posterior.abundances[..., inside, 2].sum(axis=-1).ravel()
low, high = np.quantile(draws, [0.05, 0.95])
amount = bu.region(result, image, right, identified=identified)[2].amount
expected = trial.truth.abundances[inside, 2].sum()
print(f"truth                    {expected:.0f} counts")
print(f"sum of the pixels' draws {low:.0f} to {high:.0f}")
print(f"bu.region                {amount.lower:.0f} to {amount.upper:.0f}")

# %%
# One image proves nothing about intervals: over many simulated images nine in ten must hold the truth. The published
# measurements of that are in :doc:`/results/index`.
