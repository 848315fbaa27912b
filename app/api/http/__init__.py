"""GraphQL over HTTP and WebSocket: the endpoint, what a client may take, and what browsers ask."""
