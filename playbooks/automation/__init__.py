"""Playbooks as changes of the platform: what there is, where it goes, whether it may run now, and what it did."""
