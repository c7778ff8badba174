"""The whole appliance on one machine, with its sample data."""
