"""Measurements: `scripts/bench`."""
