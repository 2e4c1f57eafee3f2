"""Steps of the database schema. Each must work while the previous release's code still runs."""
