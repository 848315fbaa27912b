"""The service's access to MongoDB: only here are the driver and the stored names known."""
