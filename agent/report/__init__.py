"""What the keep says of itself to the door: how it is, and what its programs have to report."""
