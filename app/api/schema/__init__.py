"""The GraphQL schema: types, inputs, resolvers, and what they need of a request."""
