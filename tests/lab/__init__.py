"""Two booted hosts, provisioned by the real playbook: where systemd, nginx, nftables, sshd and reboots are real.

::

    inet 11.22.33.10 ── wan0 [ lab-wan: the router, 11.22.33.1 and 10.77.0.1 ] br-lan ─┬─ adm  10.77.0.10  control
                                                                                          ├─ rpi4 10.77.0.4   the door
                                                                                          └─ rpi3 10.77.0.3   the keep

The hosts are systemd-nspawn containers over one Debian root each; the rest are network namespaces. Nothing is added to
the machine's own network but a package proxy on the loopback. Needs root on Debian; ``python -m tests.lab`` is its
command line, ``make lab`` runs it all, and the tests here run against a lab that is up.
"""
