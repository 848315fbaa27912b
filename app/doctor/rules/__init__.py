"""Rules of a repair: pure functions on values, without a database."""
