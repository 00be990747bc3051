"""Pure rules and data structures: no asyncio, no psutil, no FastAPI, no sockets."""
