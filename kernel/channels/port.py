"""How a message leaves the platform. Who gets it, and whether again, is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kernel.errors import Unavailable, VungCaoError


class ChannelUnavailable(Unavailable):
    """The message may have been sent, or not: send it again, with the same id."""

    code = "channel-unavailable"
    message = "The message has not left by {channel} yet: {why}"


class MessageRefused(VungCaoError):
    """The other side will not take this message, however often it is sent."""

    code = "message-refused"
    message = "The message was refused by {channel}: {why}"


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told.

    Attributes:
        id: The same each time the message is sent, so that the receiver can drop repeats.
        subject: One line.
        text: For people.
        data: For machines; JSON.
    """

    id: str
    subject: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Channel(Protocol):
    """One way out, such as a webhook or mail."""

    async def send(self, message: Message) -> None:
        """Send `message`; when this returns, the other side has taken it.

        Raises:
            ChannelUnavailable: Worth trying again.
            MessageRefused: Not worth trying again.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
