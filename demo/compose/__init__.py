"""The appliance in containers: what ``compose.yaml`` starts in them. docs/compose.md says how to use it."""
