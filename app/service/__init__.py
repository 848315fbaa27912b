"""A function per mutation, the feeds, and the protocols that storage implements."""
