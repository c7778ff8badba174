"""How an administrator hears of trouble, and of its end."""
