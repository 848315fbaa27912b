"""Metrics, logs for machines, and traces."""
