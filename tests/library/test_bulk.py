"""The continuum of real recordings tells an SEM from a TEM."""

from pathlib import Path

import pytest

import bayesunmix as bu
from bayesunmix.spectra.bulk import continuum_end
from bayesunmix.spectra.recognition import recognise

REAL = Path(__file__).parents[3] / "shared" / "data" / "real"
BULK = ("P45_the_default_job.bcf", "bcf50.bcf", "16x16_12bit_packed_8bit.bcf")
FILMS = ("core_shell.hspy", "sio2.hspy", "71GPa_experimental_data.hspy")


@pytest.mark.parametrize("name", [*BULK, *FILMS])
def test_bulk_and_films_of_real_recordings(name):
    if not (REAL / name).exists():
        pytest.skip("the microscope files of ../shared/data are not on this machine")
    image = bu.read(REAL / name)
    found = recognise(image.energy_kev, image.sum_spectrum(), None)
    end = continuum_end(image.energy_kev[found.first :], found.model)
    assert end is not None and end.is_bulk == (name in BULK)
    if name in BULK:
        assert 18 < end.kev < 24, "they were taken at 20 kV"
