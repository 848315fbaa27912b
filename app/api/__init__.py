"""The GraphQL API: schema, operations, transports and sign-in. See README.md."""
