"""``gateway-monitor``, assembled: the ladder, the watches and the alerts, in one small process.

It imports neither pydantic nor aiohttp: the goal is 15 MB above the interpreter. ``python -m gateway monitor`` reads
and checks the settings, and then becomes this process, which gets them as JSON.
"""
