"""What each command does: one file a command, a function from a conversation and the command to its answers."""
