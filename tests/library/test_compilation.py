"""Compiled code outlives its process: the second run of a shape adds nothing to the cache of the first."""

import os
import subprocess
import sys

import numpy as np

import bayesunmix as bu
from bayesunmix.running.compilation import keep_compiled_code


def test_the_second_run_of_a_shape_compiles_nothing_new(tmp_path):
    counts = np.random.default_rng(0).poisson(2.0, (6, 5, 12))
    bu.write(bu.SpectrumImage(counts, 1 + 0.1 * np.arange(12.0)), tmp_path / "map.npz")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_PLATFORMS": "cpu"}
    kept = []
    for seed in ("0", "1"):
        arguments = [
            "unmix",
            "map.npz",
            "--method",
            "nmf",
            "--components",
            "2",
            "--seed",
            seed,
            "--out",
            f"out{seed}",
            "--quiet",
        ]
        program = "from bayesunmix.cli import main; main()"
        subprocess.run([sys.executable, "-c", program, *arguments], check=True, cwd=tmp_path, env=environment)
        folder = tmp_path / "cache" / "bayesunmix" / "jax"
        kept.append({path.name for path in folder.iterdir() if path.name.endswith("-cache")})
    assert kept[0]
    assert kept[1] == kept[0]


def test_a_folder_that_the_user_named_is_left_alone(monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    keep_compiled_code()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"
