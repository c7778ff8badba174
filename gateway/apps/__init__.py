"""The apps, one folder each; none imports another."""
