"""The faults, and the servers and databases that they are injected into."""
