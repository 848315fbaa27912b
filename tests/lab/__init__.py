"""Programs that produce evidence: each runs by itself, through its executable in `scripts/`."""
