"""Training of students: the loss, the schedule, and the loop on one or many devices.

`trainer.Trainer` trains a network on a `student.data` mixture an epoch at a time and stops between any two
steps; what it is then, `trainer.Trainer.state`, is all that a later process needs to go on as if nothing had
happened. `validation` counts how labels that are read off the network's embeddings fit label images.
"""
