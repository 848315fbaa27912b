"""Decides from what clients saw, and from what was left in the end, whether the service kept faith.

`check(history, final)` runs every rule. A rule is a module with one public function that answers
the violations it finds; none is good. Nothing here does I/O, apart from saving and loading.
"""
