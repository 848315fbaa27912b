"""Team Joiner beside the bare driver and two Node servers: `scripts/bench peers`."""
