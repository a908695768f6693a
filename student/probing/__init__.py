"""Linear probes: how well classes can be read off embeddings by a matrix alone.

`probe_trainer.ProbeTrainer` learns one as DVEFormer's authors do, from augmented images, 50 epochs long.
`closed_fit.fit_probe` finds the minimum of the same loss over codes that were read once.
"""
