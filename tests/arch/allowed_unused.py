"""What product code does not use by name, and why it may stay. Read by vulture only; never run.

A line here is an exception to be explained, not a place to silence the check.
"""

from kernel.clock import FrozenClock
from kernel.db.embedded import PrivateCluster
from meetings.bridge.jitsi import Jitsi

FrozenClock.forward  # tests move the time
PrivateCluster.is_running  # tests look from outside whether it runs
Jitsi.room_size  # the client is whole as its port says; tests ask a real Prosody
