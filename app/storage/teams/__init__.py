"""The collection `teams`: conditional writes, the diagnosis of a refused write, and reads."""
