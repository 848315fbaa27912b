"""Team Joiner: a GraphQL API that keeps every user on at most one team."""
