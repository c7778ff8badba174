"""The calling side of the bridge, used by the gateway. Begin reading at ``call.py``."""
