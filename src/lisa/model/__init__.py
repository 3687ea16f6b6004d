"""The segmenter, its losses, and checkpoints of every layout."""
