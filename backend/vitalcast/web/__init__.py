"""The HTTP and WebSocket edge: the only place that knows FastAPI and Starlette."""
