"""The change log: the recorder that writes it, and the readers and the tail of it."""
