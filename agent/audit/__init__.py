"""The audit trail: an entry for every write and every sign-in, in the transaction of what it tells of.

::

    async with pool.transaction(deadline) as transaction:
        …                                                  # what is done
        await append(transaction, Entry(operation=…, …))   # last: other writers wait from here to the commit

The entries are a chain of hashes (``docs/audit.md``); the store's role for the agent can add to it and read it.
"""

from agent.audit.entries import ANONYMOUS, OWNER, Actor, Entry, Head, Outcome, actor_of
from agent.audit.trail import ERASE, append, erase
from agent.audit.verify import HASH_OF, HEAD, LINKS, TrailBroken, Verified, verify

__all__ = [
    "ANONYMOUS", "ERASE", "HASH_OF", "HEAD", "LINKS", "OWNER", "Actor", "Entry", "Head", "Outcome", "TrailBroken",
    "Verified", "actor_of", "append", "erase", "verify",
]  # fmt: skip
