"""What holds unless told otherwise, for those who load nothing else."""

DEFAULT_ENCODER = "home"
"""The student that comes along."""

DEFAULT_ESTIMATOR = "depth-anything-v2-metric-indoor-small"
"""What estimates depth from colour."""
