"""Sends a server what nobody should send it, and judges what comes back.

`attacks` draws what is sent, out of the schema and out of thin air; `exchange` sends it over a
connection of its own; `judge` says what is wrong with the answers. `scripts/fuzz` does all three.
"""
