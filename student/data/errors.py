"""What can be wrong with data to train on."""


class DatasetError(ValueError):
    """A data set that cannot be used; the message names the file, what was expected, what came, the fix."""
