"""What `python -m benchmarks speed SUBJECT` measures: the registry that `speeds/` fills.

A member is called without arguments, measures, and yields one line of text at a time. Machines are noisy: these are
figures to read, and no test asserts them.
"""

from collections.abc import Callable, Iterator

from bayesunmix.registry import Registry

SPEEDS: Registry[Callable[[], Iterator[str]]] = Registry("subject of a speed benchmark", "benchmarks.speeds")
