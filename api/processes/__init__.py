"""Entries of the processes that `serve` supervises. Each loads the settings, configures logs, runs until told to stop."""
