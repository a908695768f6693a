"""What an encoder sees in single frames: read from files, predicted, drawn as a panel."""
