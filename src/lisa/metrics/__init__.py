"""Figures as sums that can be merged. Torch-free."""
