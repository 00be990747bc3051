"""Subscriptions: sessions, the groups they share, and what a caller may see."""
