"""How the gateway meets browsers: middlewares, errors, limits, pages. Begin reading at ``middlewares.py``."""
