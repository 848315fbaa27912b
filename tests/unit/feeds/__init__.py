"""Feeds on a log in memory, step by step."""
