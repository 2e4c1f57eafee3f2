"""Devices that are spoken with over SSH without Ansible's Python on them: a key is tried, a configuration is read."""
