"""The repair tool for team data that other programs have written."""
