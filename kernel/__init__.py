"""What every part stands on: settings, errors, clock, database, durable work, audit. It knows no office, device or meeting."""
