"""The race of the classic code against the service: `scripts/race`."""
