"""Compiled code that outlives a process, and the memory that compiling takes."""

import ctypes
import os
import sys
from pathlib import Path


def keep_compiled_code() -> None:
    """Let JAX keep compiled code in the user's cache folder, unless its own variables name another place or rule.

    The second `bayesunmix unmix` of a shape need not compile again.

    It must be called before JAX is imported.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_cache_folder() / "bayesunmix" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def give_back_memory() -> None:
    """Hand back to the system what the compiler took and freed, half a GiB; glibc keeps it otherwise."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def _cache_folder() -> Path:
    """Return the folder for caches that the system suggests."""
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
