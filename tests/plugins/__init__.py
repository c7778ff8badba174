"""What our tests add to pytest, one concern a module."""
