"""MongoDB access of the doctor, its journal, and a temporary SQLite index."""
