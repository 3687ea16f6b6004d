"""Datasets as samples."""
