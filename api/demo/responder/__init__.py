"""A small SNMP agent that plays recordings of real devices, with values that move and faults that come and go.

One process and one UDP socket; every address of 127.0.0.0/8 is a device of its own. `python -m api.demo.responder`
serves the example programme; `server.Responder` is the same for tests and as the load agent of the benchmarks.
"""
