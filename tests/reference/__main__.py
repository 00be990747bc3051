"""`python -m tests.reference` makes the generated tables of the manual anew."""

from tests.reference.tables import rewrite

rewrite()
