"""Name the phantoms on which the intervals of maps are measured, with the endmembers known and unknown."""

MEASURED = (
    "nicr_film",
    "nicr_mixed",
    "nicr_needle",
    "trace_precipitates",
    "particles_espm",
    "overlapping_lines",
)
