"""Who the appliance meets outside, and on a line that is not what it should be: each a program of its own."""
