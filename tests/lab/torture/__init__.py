"""Faults injected into real processes under load: `scripts/torture`."""
