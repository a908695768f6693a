"""The kernels once more, in plain NumPy and as obvious as possible: what tests hold the compiled ones to."""
