"""Readers that fail in every way a compiled decoder can, for the child process to run."""

import logging
import os
import signal
import sys
import time
import warnings

import numpy as np

from bayesunmix.io.dataset import Refused


def two(path):
    print("a reader may print")
    yield 1
    yield 2


def crashes(path):
    yield 1
    os.kill(os.getpid(), signal.SIGSEGV)
    yield 2


def hangs(path):
    yield 1
    time.sleep(600)


def never_ends(path):
    while True:
        yield 1


def ends(path):
    os._exit(0)
    yield


def asks_for_too_much(path):
    yield np.ones(2**50, np.uint8)


def raises(path):
    raise RuntimeError("unexpected\ntag")
    yield


def leaves(path):
    sys.exit("enough")
    yield


def refuses(path):
    logging.getLogger("rsciio.some").warning("it was\npruned")
    raise Refused("no map in it")
    yield


def warns(path):
    logging.getLogger("rsciio.some").warning("a frame is missing")
    logging.getLogger("bayesunmix").warning("added up")
    warnings.warn_explicit("an odd header", UserWarning, "/site/rsciio/some.py", 1)
    warnings.warn_explicit("for programmers", DeprecationWarning, "/site/rsciio/some.py", 2)
    warnings.warn("of another package", UserWarning, stacklevel=1)
    yield 1


def lacks_a_package(path):
    import a_package_that_nobody_has  # noqa: F401

    yield
