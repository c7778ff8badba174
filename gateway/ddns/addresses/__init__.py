"""Under which addresses the Internet reaches this box: what each source says, and what follows from it.

``interface`` reads the kernel's addresses, ``router`` asks the router, ``echo`` asks servers on the Internet from where
they see us coming. ``choice`` decides, without I/O, which of them is published.
"""
