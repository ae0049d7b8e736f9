"""Pixels split over several devices give the answer of one device: in a process with four forced host devices."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json, sys
import jax
import numpy as np
import bayesunmix as bu

rng = np.random.default_rng(0)
energies = np.arange(40.0)
endmembers = rng.dirichlet(np.full(40, 0.3), 3)
counts = rng.poisson(rng.gamma(0.5, 40.0, (9, 13, 3)) @ endmembers)
counts[:, 4] = 0
image = bu.SpectrumImage(counts, energies)
found = {}
for method in ("nmf", "nmf_frobenius", "bayes_cavi"):
    result = bu.unmix(image, 3, method, seed=1, verdicts=False, tolerance=1e-7)
    found[method] = {
        "abundances": result.estimate.abundances.tolist(),
        "endmembers": result.estimate.endmembers.tolist(),
        "objective": result.info["objective"][-1],
    }
json.dump({"devices": jax.device_count(), "found": found}, sys.stdout)
"""


def run(n_devices):
    flags = f"--xla_force_host_platform_device_count={n_devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def one_and_four():
    return run(1), run(4)


@pytest.mark.parametrize("method", ["nmf", "nmf_frobenius", "bayes_cavi"])
def test_four_devices_give_the_answer_of_one(one_and_four, method):
    one, four = one_and_four
    assert (one["devices"], four["devices"]) == (1, 4)
    single, split = one["found"][method], four["found"][method]
    assert split["objective"] == pytest.approx(single["objective"], rel=1e-5)
    np.testing.assert_allclose(split["endmembers"], single["endmembers"], atol=2e-3)
    np.testing.assert_allclose(split["abundances"], single["abundances"], rtol=2e-2, atol=0.1)
