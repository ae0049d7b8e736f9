"""Every random number of a fit comes from the key that was given: no generator of the library has a seed of its own."""

import ast
from pathlib import Path

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.engine.device.threefry import numpy_generator, random_key

LIBRARY = Path(bu.__file__).parent
# Functions whose result does not depend on the numbers: a start of an iteration to convergence, and generic weights.
INDIFFERENT = {("engine/subspace/pca.py", "_krylov"), ("models/endmember_models/phases.py", "_unique")}
MAKERS = ("default_rng", "random_key", "random.key", "PRNGKey", "RandomState", "random.seed")


def fixed_seeds(source):
    """Yield the function around each generator or key that is made without a seed, or from a constant."""
    tree = ast.parse(source)
    inside = {
        node: function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(MAKERS):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "seed")]
            if not arguments or isinstance(arguments[0], ast.Constant):
                yield inside.get(node, "")


def test_no_generator_has_a_seed_of_its_own():
    found = {
        (path.relative_to(LIBRARY).as_posix(), function)
        for path in LIBRARY.rglob("*.py")
        for function in fixed_seeds(path.read_text(encoding="utf-8"))
    }
    assert found == INDIFFERENT


@pytest.mark.parametrize(
    "line", ["np.random.default_rng(0)", "np.random.default_rng()", "random_key(seed=3)", "jax.random.key(7)"]
)
def test_a_planted_seed_is_found(line):
    assert list(fixed_seeds(f"def fit(self):\n    rng = {line}")) == ["fit"]


def test_a_seed_that_was_given_is_not_found():
    assert not list(fixed_seeds("def fit(key, seed):\n    return default_rng(seed), random_key(int(seed))"))


def test_a_key_decides_the_generator():
    one, same, other = (numpy_generator(random_key(seed)).random(5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()
