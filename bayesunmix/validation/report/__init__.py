"""Write what was found: pictures, sections, and the page."""
