"""Say what a cell needs and this machine lacks: an environment, a file, or a truth that nobody knows."""


class Missing(RuntimeError):
    """Skip the cell; the message is one sentence that says why, and what to do."""
