"""The measurement measures: right photons, a file on disk, memory of its own process."""

from benchmarks.speeds.simulations import speed_of_simulations


def test_a_small_series_in_memory_and_ten_times_it_on_disk():
    memory, disk = speed_of_simulations(tilts=2, photons=2e4)
    assert abs(memory.photons - 2e4) < 5 * 2e4**0.5
    assert abs(disk.photons - 2e5) < 5 * 2e5**0.5
    assert memory.file_mib == 0 < disk.file_mib
    assert min(memory.peak_mib, disk.peak_mib) > 20
    assert min(memory.seconds, disk.seconds, memory.truth_seconds) > 0
