"""What an operator sees of the API: metrics, the log for machines, traces."""
