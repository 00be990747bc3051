"""The wire: messages, and the frames of WebSocket and HTTP that hold them."""
