"""GraphQL over HTTP and WebSocket: the endpoint, limits per client, CORS, and pages."""
