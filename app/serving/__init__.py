"""The web server around the application: connections, graceful shutdown, worker processes."""
