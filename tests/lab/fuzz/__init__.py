"""Sends a server malformed requests, and checks the answers.

`attacks` draws what is sent, out of the schema and out of thin air; `exchange` sends it over a
connection of its own; `judge` says what is wrong with the answers. `scripts/fuzz` does all three.
"""
