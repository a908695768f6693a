"""Pictures and films of maps: from where to look, what to show, and how it is drawn."""
