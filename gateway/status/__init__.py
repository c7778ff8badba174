"""The owner's view of it all."""
