"""The relay: where the keep may go, and nowhere else. The bytes that pass are TLS between the keep and a server."""
