"""Compiled kernels: arrays and numbers in, arrays changed in place, nothing checked.

The caller checks its input once. Every kernel has a NumPy twin of the same name and arguments in
`mapping.kernels.reference`, and a property test that the two agree bit for bit. Helpers live in the file of
the kernel that uses them, because numba's cache does not notice edits elsewhere.
"""
