"""What every part stands on: settings, errors, database, durable work, audit. It knows no office, device or meeting."""
