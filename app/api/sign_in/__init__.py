"""Sign-in: tokens and their keys, or headers in the development mode."""
