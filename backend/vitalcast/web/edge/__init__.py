"""What every request passes: hosts, origins, tokens, logins and limits."""
