"""The client behind `vitalcast tail`: follows series of a server, and comes back where it left off."""

from vitalcast.tail.feed import Request
from vitalcast.tail.follow import follow, socket_url
from vitalcast.tail.live_table import LiveTable, terminal_size
from vitalcast.tail.sinks import JsonLines

__all__ = ["JsonLines", "LiveTable", "Request", "follow", "socket_url", "terminal_size"]
