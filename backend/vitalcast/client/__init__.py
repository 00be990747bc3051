"""The Python client: it follows the series of a server, and resumes where it was cut off."""
