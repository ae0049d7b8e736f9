"""Build the paper from the published results: ``python -m paper`` writes paper/out/paper.pdf."""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.published import RESULTS
from paper.build import OUT, build


def main(arguments: list[str] | None = None) -> int:
    """Build, and say in one sentence what is missing where it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m paper", description="Build the paper from published results."
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the CSV files")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of paper.pdf")
    asked = parser.parse_args(arguments)
    begun = time.perf_counter()
    try:
        path = build(asked.results, asked.out)
    except (ValueError, ModuleNotFoundError) as error:
        print(f"The paper was not built: {error}", file=sys.stderr)
        return 1
    print(f"{path} ({time.perf_counter() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
