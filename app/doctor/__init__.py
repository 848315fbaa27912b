"""The command `team-joiner doctor`: its options, and what it prints."""
