"""Who may come in: the secret, the tokens made with it, and what each of them grants."""
