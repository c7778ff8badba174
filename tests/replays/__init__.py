"""What attackers' tools ask, and what people ask, played to the real gateway: who is banned, and how soon."""
