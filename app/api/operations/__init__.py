"""What an operation passes before and while it runs: documents, their limits, the execution."""
