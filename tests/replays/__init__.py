"""What attackers' tools ask, and what people ask, played to the real gateway: who is banned, and how soon.

The lists are our own, in the manner of the tools that they are named after, for this site's own paths.
"""
