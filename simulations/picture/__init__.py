"""Pictures: of one trial, of all phantoms on a sheet, and the talk's six figures beside the published ones."""

from simulations.picture.contact_sheet import contact_sheet
from simulations.picture.talk import draw_talk
from simulations.picture.trial import draw_trial

__all__ = ["contact_sheet", "draw_talk", "draw_trial"]
