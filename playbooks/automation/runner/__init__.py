"""Runs one playbook: the port, and ansible-runner behind it in a child process."""
