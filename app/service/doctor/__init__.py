"""Examines, repairs and restores a collection of teams that other programs have filled."""
