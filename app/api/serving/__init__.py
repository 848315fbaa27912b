"""The processes under the application: how connections begin, and how everything ends."""
