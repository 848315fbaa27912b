"""The GraphQL schema: types, inputs, resolvers, and the context of a request."""
