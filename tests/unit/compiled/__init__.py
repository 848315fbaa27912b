"""Compiled execution beside graphql-core's: operations and resolvers to compare them with."""
