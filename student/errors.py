"""What can be wrong with files that networks come from."""


class EncoderError(ValueError):
    """An encoder folder or text encoder that cannot be used; the message names it, the rule and the fix."""


class CheckpointError(ValueError):
    """A file of weights that cannot be used; the message names it, what was expected and what came."""
