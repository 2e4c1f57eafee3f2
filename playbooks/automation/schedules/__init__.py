"""Playbooks that run by themselves at set times."""
