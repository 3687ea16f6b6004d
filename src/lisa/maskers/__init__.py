"""The mask side."""
