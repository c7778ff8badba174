"""Runs on the RPI4, "the door": pages and APIs for people, answered over the bridge."""
