"""Asking one DNS server one question over UDP (RFC 1035), to see whether it answers and what it says.

The system's own resolver would hide which server answered, and would need a thread.
"""

from gateway.connectivity.dns.asking import Answer, ask, random_name
from gateway.connectivity.dns.messages import Kind, Malformed, Message, Rcode, Record

__all__ = ["Answer", "Kind", "Malformed", "Message", "Rcode", "Record", "ask", "random_name"]
