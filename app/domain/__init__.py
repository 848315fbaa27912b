"""Teams, changes, problems and their rules. Standard library only."""
