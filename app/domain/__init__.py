"""Teams, changes and problems: what the service is about, in the standard library alone."""
