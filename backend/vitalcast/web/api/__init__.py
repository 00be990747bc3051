"""The HTTP interface and its documentation."""
