"""What happened, beside what was measured."""
