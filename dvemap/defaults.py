"""What holds unless told otherwise, for those who load nothing else."""

DEFAULT_ENCODER = "home"
"""The student that comes along."""
