"""Being reachable: this box's public addresses, its names, and the ports that its router maps."""
