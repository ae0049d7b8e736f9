"""
How many components?
====================

With too few components every number is wrong. With too many, components share a phase between them. This tutorial asks
the counts how many components they show, and looks at a case in which they cannot know.
"""

# %%
# A film of three materials
# -------------------------

import bayesunmix as bu
from simulations import PHANTOMS, acquire

film = acquire(PHANTOMS["nicr_film"](shape=(32, 48), substrate_nm=40, n_channels=450), dose=20, rng=0)
evidence = bu.rank(film.image)
print(evidence.n_components)
print(evidence.sentence)

# %%
# Three criteria that fail in different ways are asked, and the sentence says whether they agree:
#
# 1. Singular values of the counts, weighted so that noise has the same size in every pixel and channel. Those above
#    the edge of the noise are signal.
# 2. Held-out photons. Some photons are set aside; a further component must predict them better than without it.
# 3. Automatic relevance determination: a fit with many components switches off those that it does not need.

picture = bu.plot_rank(evidence)

# %%
# Which of them matter
# --------------------
#
# Criteria 1 and 2 find every change of the spectrum that is more than noise. In a real specimen many of these are no
# phases: absorption where the specimen is thicker, drift, a shadow at the edge of the field, a few bright pixels. The
# number that is recommended is therefore the smallest one that has 98 % of what all components gain on held-out
# photons. The others are listed as real but small, with a word for what they look like. Here a few pixels of the film
# get photons of another element:

counts = film.image.dense().astype(int)
counts[10:12, 20:23, 300:304] += 2
speckled = bu.rank(bu.SpectrumImage(counts, film.image.energy_kev))
print(speckled.n_components, "recommended,", speckled.n_seen, "seen")
print(speckled.sentence)

# %%
# Nothing is lost: each small component has its gain, its share, and the map of what it changes.

for one in speckled.small:
    print(one, one.change.scores.shape)
picture = bu.plot_rank(speckled)

# %%
# ``bu.unmix(image)`` without a number asks ``bu.rank`` itself, and says in ``result.info["rank"]`` what it found. With
# a number that the counts do not support, the method ``"bayes"`` warns. A fit that has some of the small components, or
# none, is not warned of.
#
# A weak phase
# ------------
#
# An aluminium alloy with two kinds of precipitates. The rarer one causes about a thousandth of the counts. At few
# counts per pixel it cannot be told from noise.

alloy = PHANTOMS["trace_precipitates"](shape=(64, 64), trace=0.0126, n_channels=500)
shares = alloy.truth.abundances.sum(axis=0) / alloy.truth.abundances.sum()
print(", ".join(f"{label} {share:.2%}" for label, share in zip(alloy.labels, shares, strict=True)))
for dose in (3, 30):
    found = bu.rank(acquire(alloy, dose=dose, rng=0).image)
    print(f"{dose} counts per pixel: {found.n_components} components")

# %%
# What is counted are components that the counts tell apart. A phase whose spectrum is a mixture of the others' adds
# none, however bright it is. On real recordings look at what is listed as real but small: a word such as "a few pixels"
# may be a rare phase that you look for. The words are guesses from the map and the spectrum of the change, and
# "unknown" means that nothing fits. How often ``bu.rank`` was right on phantoms is in the published results
# (:doc:`/results/index`).
