"""The network as it runs after training: the same numbers from less arithmetic, written once."""
