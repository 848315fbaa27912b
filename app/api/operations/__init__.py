"""Documents, their limits, and the checks around the execution of an operation."""
