"""The bridge to Jitsi Meet: join tokens, the reservation endpoint that Prosody asks, its events, our thin client."""
