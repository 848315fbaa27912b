"""What the service does: a function per mutation, and what they need from storage."""
