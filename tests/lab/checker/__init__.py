"""Decides from the clients' histories and the final state whether the guarantees were kept.

`check(history, final)` runs every rule. A rule is a module with one public function that answers
the violations it finds; none is good. Nothing here does I/O, apart from saving and loading.
"""
