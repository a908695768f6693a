"""Data to train on: labelled RGB-D images from files, mixed, augmented and put into batches.

A source (`sample.Source`) gives samples; `nicr.NicrSource` reads the NICR layout. `mixture.Mixture` draws
each epoch from several sources, `augment.Augmentation` makes views of samples, `batches` tensors of views.
"""
