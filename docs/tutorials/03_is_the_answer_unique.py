r"""
Is the answer unique?
=====================

A blind factorisation :math:`X = A E` has others: :math:`(A T^{-1})(T E)` explains the counts exactly as well, for every
matrix T that leaves spectra and maps non-negative. No error bar of counting noise knows about them. This tutorial shows
how large this freedom is, when it is small, and what takes it away.
"""

# %%
# Pure pixels: nearly unique
# --------------------------
#
# In a film of separate layers every material has pixels to itself. That pins the spectra down.

import warnings

import numpy as np
from matplotlib.figure import Figure

import bayesunmix as bu
from simulations import PHANTOMS, acquire


def show(trial, result):
    """Print and draw each component's share of all counts, and the range that fits as well."""
    result = result.reorder(bu.match(trial.truth.endmembers, result.estimate.endmembers))
    overall = bu.identify(result, trial.image).overall
    truth, estimate = (f.abundances.sum(0) / f.abundances.sum() for f in (trial.truth, result.estimate))
    print("        truth  estimate  fits as well")
    for k, label in enumerate(trial.phantom.labels):
        ends = f"{overall.lower[k]:.3f} to {overall.upper[k]:.3f}"
        print(f"{label:7} {truth[k]:.3f}     {estimate[k]:.3f}  {ends}")
    figure = Figure(figsize=(6.4, 1.9), layout="constrained")
    axes, rows = figure.subplots(), np.arange(len(truth))
    axes.hlines(rows, overall.lower, overall.upper, linewidth=8, color="0.8", label="fits as well")
    axes.plot(estimate, rows, "o", markersize=4, label="estimate")
    axes.plot(truth, rows, "|", color="black", markersize=16, label="truth")
    axes.set(yticks=rows, yticklabels=trial.phantom.labels, xlim=(0, 0.95), ylim=(2.5, -0.5))
    axes.set_xlabel("share of all counts")
    axes.legend(frameon=False, fontsize=8)
    return figure


film = acquire(PHANTOMS["nicr_film"](shape=(32, 48), substrate_nm=40, n_channels=450), dose=100, rng=0)
picture_1 = show(film, bu.unmix(film.image, 3, "nmf", seed=0))

# %%
# Mixed everywhere: not unique
# ----------------------------
#
# The same three materials, mixed so that no pixel holds more than 70 % of one of them. The number of photons is the
# same. The fit is as good as before, and the answer is one of very many.

mixture = acquire(PHANTOMS["nicr_mixed"](shape=(32, 48), n_channels=450), dose=100, rng=0)
picture_2 = show(mixture, bu.unmix(mixture.image, 3, "nmf", seed=0))

# %%
# More counts do not help: the range is the same for ten times as many.

brighter = acquire(PHANTOMS["nicr_mixed"](shape=(32, 48), n_channels=450), dose=1000, rng=0)
picture_3 = show(brighter, bu.unmix(brighter.image, 3, "nmf", seed=0))

# %%
# Seen in projection: the trap
# ----------------------------
#
# Particles with a core and a shell. In transmission the shell lies in front of its core, and there is no pixel with
# the core alone. Methods that prefer maps that exclude each other (every sparse prior does) then take counts away from
# the shell where the core is. Look at the range, not at the estimate:

particles = acquire(PHANTOMS["core_shell"](n_channels=500), dose=100, rng=0)
fit = bu.unmix(particles.image, 3, "nmf", seed=0)
picture_4 = show(particles, fit)

fit = fit.reorder(bu.match(particles.truth.endmembers, fit.estimate.endmembers))
core = particles.truth.abundances[:, 2] > 0.5 * particles.truth.abundances[:, 2].max()
true_share = particles.truth.abundances[core].sum(axis=0)[2] / particles.truth.abundances[core].sum()
within = bu.identify(fit, particles.image).fractions_of(core.reshape(72, 72))
print(
    f"share of FePt in the pixels of the cores: truth {true_share:.2f}, "
    f"fits as well {within.lower[2]:.2f} to {within.upper[2]:.2f}"
)

# %%
# The range holds the truth. It is wide, and that is the honest answer of these counts.
#
# What takes the freedom away
# ---------------------------
#
# Knowledge that is not in the counts. If you know which elements each phase holds, say so: a phase that owns a line
# that no other has cannot be rotated. For the mixture:

quick = {"n_warmup": 100, "n_draws": 100, "n_maps": 25}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", bu.UnmixingWarning)
    owned = bu.unmix(
        mixture.image,
        method="bayes",
        endmember_model="phases",
        phases=(("Si",), ("Cr",), ("Ni",)),
        seed=0,
        progress=False,
        **quick,
    )
print(bu.region(owned, mixture.image, np.ones((32, 48), bool)))
truth = mixture.truth.abundances.sum(axis=0) / mixture.truth.abundances.sum()
print(
    "truth:",
    ", ".join(f"{label} {share:.4f}" for label, share in zip(film.phantom.labels, truth, strict=True)),
)

# %%
# The column "feasible +-" now says *known*. Other kinds of knowledge that help are a given spectrum of the support or
# of a standard (method ``"nmf_semi"``), and asking for elements instead of phases (method ``"elements"``). See
# :doc:`/howto/phases_that_own_elements` and :doc:`/explanation/identifiability`.
