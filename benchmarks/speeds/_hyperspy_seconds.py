"""Time HyperSpy's decompositions, in the environment `hyperspy`, which `make peers` makes.

``python -m benchmarks.speeds._hyperspy_seconds IMAGE.hspy K REPEATS`` prints them as JSON. It imports nothing of ours.
"""

import json
import sys
import time

#: The public settings that are timed, by the name under which they are reported.
DECOMPOSITIONS = {
    "randomised SVD": {"algorithm": "SVD", "svd_solver": "randomized"},
    "full SVD": {"algorithm": "SVD", "svd_solver": "full"},
    "NMF": {"algorithm": "NMF"},
}


def time_decompositions(path: str, n_components: int, repeats: int) -> dict[str, list[float]]:
    """Time `repeats` runs of each decomposition, Poisson noise scaled as exspy does by default.

    There is no navigation mask: exspy's default would leave out most pixels of a sparse image.
    """
    import hyperspy.api as hs

    found: dict[str, list[float]] = {}
    for name, settings in DECOMPOSITIONS.items():
        for _ in range(repeats):
            signal = hs.load(path)
            signal.change_dtype("float64")
            start = time.perf_counter()
            signal.decomposition(
                normalize_poissonian_noise=True,
                navigation_mask=None,
                output_dimension=n_components,
                print_info=False,
                **settings,
            )
            found.setdefault(name, []).append(time.perf_counter() - start)
    return found


if __name__ == "__main__":
    json.dump(time_decompositions(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
