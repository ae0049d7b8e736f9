"""Measure the largest resident size of this process."""

import re
import sys
from pathlib import Path


def peak_resident_mib() -> float:
    """Return the largest resident size of this process so far, MiB.

    Linux is asked through /proc, because getrusage starts a new process at the peak of the one that started it.
    """
    status = Path("/proc/self/status")
    if status.is_file() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(peak[1]) / 2**10
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 2**20)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)
