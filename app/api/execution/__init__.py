"""Compiled execution: a validated document is turned into closures once and run many times."""
