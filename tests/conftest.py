"""Settings shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Most of the time of a first run goes into compiling: workers and later runs share what is compiled.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

# Machines differ in speed, and a first call compiles: a test never asserts a time. Examples are the same each run.
settings.register_profile("bayesunmix", deadline=None, derandomize=True)
settings.load_profile("bayesunmix")


MAPS = Path("/proc/self/maps")  # of Linux


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_code():
    """Compiled code of hundreds of shapes fills the 65 530 memory maps of a process, and the compiler aborts it."""
    yield
    import jax  # after its settings above

    if not MAPS.exists() or MAPS.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()
