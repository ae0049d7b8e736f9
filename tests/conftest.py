"""Settings shared by all tests."""

from hypothesis import settings

# Machines differ in speed, and a first call compiles: a test never asserts a time. Examples are the same each run.
settings.register_profile("bayesunmix", deadline=None, derandomize=True)
settings.load_profile("bayesunmix")
