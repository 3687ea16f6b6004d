"""The language side."""
