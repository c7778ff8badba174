"""``make bench``: how fast the appliance is, beside its own floors in the same minutes on the same machine.

Begin reading at ``measure.py``; ``docs/performance.md`` says what is compared, and why that way.
"""
