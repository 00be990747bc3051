"""Who used the machine, moment by moment."""
