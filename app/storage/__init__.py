"""All that knows MongoDB. Nothing outside this package imports a driver or a stored spelling."""
