"""Signing in and out. The agent checks passwords and makes tokens; here they are only carried and looked at."""
