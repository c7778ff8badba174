"""The pages about accounts: forms that work without a script, and call the same operations as the JSON paths."""
