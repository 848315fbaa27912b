"""An HTTP client that reads no certificates, which would take 50 ms."""

import ssl
from functools import partial

import httpx

http_client = partial(httpx.AsyncClient, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
"""`httpx.AsyncClient` for connections without TLS."""
