"""The example programme: offices whose devices answer real SNMP on loopback. Its values are recorded and computed."""
