"""Runs on the RPI3, "the keep": named operations over PostgreSQL, accounts, tokens."""
