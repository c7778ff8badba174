"""What people say to the chat, and how the weights of ``gateway/apps/health/chat/weighing.py`` are made of it."""
