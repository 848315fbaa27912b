"""The service's own MongoDB, for people who have none. `database.py` puts the parts together."""
