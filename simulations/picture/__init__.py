"""Draw pictures: of one trial, of all phantoms on a sheet, and the six figures of the NIST short course."""

from simulations.picture.contact_sheet import contact_sheet
from simulations.picture.short_course import draw_short_course
from simulations.picture.trial import draw_trial

__all__ = ["contact_sheet", "draw_short_course", "draw_trial"]
