"""The student networks, as plain torch modules whose state dict has the official keys."""
