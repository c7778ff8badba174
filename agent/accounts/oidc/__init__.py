"""Signing in through a provider (OpenID Connect): the agent asks, verifies and decides, the gateway only leads there.

``flow``        what is remembered between leaving for the provider and coming back, sealed in the browser's cookie
``keys``        the provider's public keys
``id_tokens``   what an ID token has to be, and whom it names
``https``       one request to a provider, through the relay
``provider``    discovery, keys and codes
``signing_in``  the two operations
"""
