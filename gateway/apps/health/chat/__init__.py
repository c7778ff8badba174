"""Understanding what a person asks about their own records, and answering it. No cloud.

A message goes through the steps in this order: ``normalise``, ``safety``, ``time_expressions``, ``symptoms``,
``intent``, ``weighing`` (together: ``turn``), ``context`` (with what was said before), ``query`` and ``asking`` (the
bridge), ``answer``. Everything but ``asking`` and ``chat`` is pure: it is told the time and touches nothing.
"""
