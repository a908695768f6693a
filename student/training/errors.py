"""What can go wrong while a student learns."""


class TrainingError(ValueError):
    """A run that cannot go on; the message says what came, where, and what may help."""
