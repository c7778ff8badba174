"""The ban helper: the one process that puts addresses into the firewall's sets, on both hosts.

Who may not touch the firewall (the gateway, the rescue console) asks it over the Unix socket
``/run/drawbridge/bans.sock``.

The protocol
============

A connection carries one request and one answer, each a line: a JSON object in UTF-8, ended by a line feed. A request
has at most 4,096 bytes and has to be there within 5 s. The helper closes the connection after its answer. Unknown,
missing and repeated keys are refused.

::

    → {"request":"ban","address":"203.0.113.7","duration_s":3600,"reason":"sign_in_failures"}
    ← {"ok":true,"in_force":true,"ban":{"address":"203.0.113.7","reason":"sign_in_failures","by":"drawbridge-gateway",
       "began_unix":1780000000,"remaining_s":3600}}

    → {"request":"ban","address":"2001:db8:1:2::9","duration_s":60,"reason":"probing"}
    ← {"ok":true,"in_force":true,"ban":{"address":"2001:db8:1:2::/64", …}}

    → {"request":"unban","address":"203.0.113.7"}                              root, or who asked for the ban
    ← {"ok":true,"removed":true}

    → {"request":"list"}
    ← {"ok":true,"bans":[{"address":"203.0.113.7", …}, …]}                                   the next to end comes first

    → {"request":"status"}
    ← {"ok":true,"in_force":true,"bans":2,"bans_max":4096,"given_up":0}

    → {"request":"repeats"}
    ← {"ok":true,"repeats":[{"address":"203.0.113.7","times":2,"over_in_s":-3600}, …]}

    ← {"ok":false,"error":"protected","message":"10.77.0.1 is the router's address"}

``address``     IPv4, or IPv6, of which the /64 is banned, since a customer is given no less; as that network, or any
                address in it. ``::ffff:a.b.c.d`` is a.b.c.d.
``duration_s``  60 to 2,592,000 (30 days). A ban that would end sooner than the one in place changes nothing but the
                reason.
``reason``      one of :class:`rescue.bans.requests.Reason`.
``times``       how many bans one after the other, those that are ``manual`` aside; remembered for a week after the
                last, and forgotten with ``unban``. ``over_in_s``: until that one is over; less than 0 where it is.
``in_force``    whether the firewall has it now. Where it is false, the firewall's table is missing; the ban is kept,
                and put in force once the table is there.

``error`` is one of:

``malformed``   no line of JSON, or too long, or too late
``invalid``     a value is none of the allowed ones; the message names the key
``protected``   this host, its router, or a network that is never banned (the firewall's sets never_ban4, never_ban6)
``denied``      the caller is neither root nor in the socket's group, or would lift another's ban
``busy``        too many ask at once
``failed``      the helper could not do it; its log says why

4,096 bans are kept; one more gives up the oldest. Bans outlive a reload of the rules, a restart and a reboot.
"""
