"""Everything that faces outward, and the wiring of each process."""
