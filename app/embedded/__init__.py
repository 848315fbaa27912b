"""An embedded mongod for development; `database.py` combines the parts."""
