"""Entries of the processes that `serve` supervises: settings, logs, and run until told to stop."""
