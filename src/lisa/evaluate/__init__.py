"""Evaluation that can be trusted: predictions × samples × metrics."""
