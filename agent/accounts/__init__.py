"""Who people are and what they may see: passwords, sessions, tokens, roles and grants, decided here alone."""
