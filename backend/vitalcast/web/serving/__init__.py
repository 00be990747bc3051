"""Sockets: listeners, TLS connections, HTTP and WebSocket protocols."""
