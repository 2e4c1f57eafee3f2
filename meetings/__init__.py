"""Rooms, bookings and the bridge to Jitsi. Sits above `monitor` and `playbooks`, and asks their `public.py` only."""
