"""What exists, where, and who may see it: units, offices, devices, uplinks, accounts, credentials."""
