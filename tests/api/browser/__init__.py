"""The page at /graphql in a real browser."""
