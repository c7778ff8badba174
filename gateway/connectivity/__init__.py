"""Watching the line: which rung of the ladder to the world and to the keep is broken, and since when."""
