"""
Does the fit explain my data?
=============================

Every method returns an answer, also where its model is wrong. ``bu.check`` compares the fit with the counts and says
where they disagree.
"""

# %%
# A fit that is right
# -------------------

import textwrap

import bayesunmix as bu
from simulations import PHANTOMS, acquire
from simulations.acquisition import Acquisition

film = PHANTOMS["nicr_film"](shape=(32, 48), substrate_nm=40, n_channels=450)
image = acquire(film, dose=100, rng=0).image
right = bu.check(bu.unmix(image, 3, "nmf", seed=0), image)
print(right.alarm, right.sentences)

# %%
# A component too few
# -------------------
#
# With two components for three materials, there are channels and regions that no sum of the two can explain.

wrong = bu.check(bu.unmix(image, 2, "nmf", seed=0), image)
for sentence in wrong.sentences[:4]:
    print(textwrap.fill(f"- {sentence}", 88, subsequent_indent="  "))

# %%
# The picture shows the spectrum of the sum, what is left of it, and where in the map the deviance is too large.

picture = bu.plot_checks(wrong)

# %%
# A wrong energy axis
# -------------------
#
# Here the detector's gain is off by one percent, and the axis in the file does not know it. Blind spectra follow the
# peaks wherever they are, so for them nothing is wrong. Spectra that were measured before, and are given, know where
# the lines belong. The sentence says how far the peaks moved, how sure that is, and how many counts it concerns:

shifted = acquire(film, dose=200, rng=0, acquisition=Acquisition(gain=1.01)).image
for method, given in (("nmf", {}), ("nmf_semi", {"endmembers": film.truth.endmembers})):
    found = bu.check(bu.unmix(shifted, 3, method, **given), shifted)
    print(textwrap.fill(f"{method}: {found.sentences[0]}", 88))

# %%
# What a check can and cannot say
# -------------------------------
#
# - No alarm means that nothing in the counts contradicts the fit. It does not mean that the answer is unique:
#   :doc:`/auto_tutorials/03_is_the_answer_unique`.
# - ``false_alarms=0.01`` means one alarm in about a hundred images for which the model is right. How often that was
#   true in simulations is published (:doc:`/results/index`). On real recordings, with hundreds of counts per pixel,
#   small departures from any model are found: ask how large they are, and whether they touch the number you want.
#   ``Checks.verdict`` says how many of the 90 % intervals of a posterior such a misfit leaves right.
