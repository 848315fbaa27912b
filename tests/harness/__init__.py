"""Shared by all tests: servers as real processes, a client, and deadlines."""
