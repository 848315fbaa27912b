"""All that knows GraphQL and HTTP: it maps requests to the service, and outcomes to answers."""
