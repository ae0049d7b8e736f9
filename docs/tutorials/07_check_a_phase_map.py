"""
Check a vendor's phase map
==========================

A program has made a phase map, and you have the counts. Is the map right? ``bu.validate`` holds it against the photons
that it was made from. Here the truth is known, so that you can see what the verdicts are worth.
"""

# %%
# A map with a mistake
# --------------------
#
# The specimen is an oxide scale: steel, chromia and a spinel. The program did not see that the oxide is two phases.

import textwrap

import numpy as np

import bayesunmix as bu
from simulations import PHANTOMS, acquire

scale = PHANTOMS["overlapping_lines"]((48, 48))
image = acquire(scale, dose=20, rng=0).image
truth = np.where(scale.specimen, scale.truth.abundances.argmax(axis=1), -1).reshape(48, 48)
labels = np.where(truth == 2, 1, truth)
claim = bu.Claim(labels, {0: "steel", 1: "oxide"}, unassigned=-1, source="a program")
print(claim)

# %%
# Files of a vendor come in the same way: ``bu.read_claim("phases.png", "legend.csv", "areas.csv", "Phase 1.msa")``.
#
# The verdicts
# ------------
#
# ``quick=True`` makes the tests that need no unmixing.

found = bu.validate(image, claim, quick=True)
for finding in found.findings:
    print(textwrap.fill(f"- {finding.sentence}", 88, subsequent_indent="  "))

# %%
# The oxide is contradicted: its photons cannot be exchanged between its pixels. Nobody had to say what the second phase
# is; the sentence names the lines that differ. The p-value is exact, and corrected for all tests of the report.
#
# ``found.verdict`` is that of the whole claim, and ``found.report("folder")`` writes it on a page with pictures.
#
# The right map
# -------------

right = bu.Claim(truth, dict(enumerate(scale.labels)), unassigned=-1)
found = bu.validate(image, right, quick=True)
print(found.verdict)
for finding in found.findings:
    print(textwrap.fill(f"- {finding.verdict}: {finding.subject}: {finding.question}", 88))

# %%
# Nothing is contradicted, and not all is supported. "Supported" says that the error is below the tolerance, beyond
# doubt; at 20 counts per pixel that is more than the photons can say of every phase. The sentence says how many would
# do.
#
# The same from a shell
# ---------------------
#
# .. code-block:: shell
#
#    bayesunmix validate map.bcf --labels phases.png --legend legend.csv --areas areas.csv --out report
#
# Without ``--quick`` it also unmixes the map. It then says how much of each phase is something else, which pixels are
# suspect, and whether the areas are right (:doc:`/howto/check_a_claim`, :doc:`/explanation/verdicts`).
