"""GET, GETNEXT, GETBULK and SET on the variables of one device (RFC 3416, section 4.2; RFC 1157 for version 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.demo.responder.ber import (
    COUNTER64,
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    BadPacket,
    decode_oid,
    tlv,
)
from api.demo.responder.messages import GET, GET_BULK, NOTHING, SET, V1, V2C, ErrorStatus, Pdu, bindings_of, response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from api.demo.responder.movement import Life, Moving
    from api.demo.responder.tree import Tree


@dataclass(slots=True)
class View:
    """The variables of a device as they can be seen now.

    Attributes:
        life: The device, which moving values ask.
        tree: What was recorded.
        overrides: Variables that stand in for recorded ones, by index in the tree.
        hidden: Indexes that cannot be seen.
    """

    life: Life
    tree: Tree
    overrides: Mapping[int, bytes | Moving] = field(default_factory=dict)
    hidden: AbstractSet[int] = frozenset()

    def get(self, name: bytes, version: int) -> int | None:
        """Return the index of a variable, None if there is none; BadPacket if the name is malformed."""
        at = self.tree.position.get(name)
        if at is None:
            decode_oid(name)
            return None
        return at if self._seen(at, version) else None

    def next(self, at: int, version: int) -> int | None:
        """Return the first index from `at` on that can be seen, None behind the last."""
        for index in range(at, len(self.tree.rows)):
            if self._seen(index, version):
                return index
        return None

    def binding(self, at: int, t: float) -> bytes:
        """Return variable `at` as an encoded binding."""
        # Once per variable and answer, thousands a second: what never changes is encoded beforehand.
        entry = self.overrides.get(at) or self.tree.entries[at]
        if isinstance(entry, bytes):
            return entry
        return tlv(SEQUENCE, self.tree.names[at] + entry.encode(self.life, t))

    def missing(self, name: bytes) -> bytes:
        """Return the binding of a name that is not there: noSuchInstance if its object is known, else noSuchObject."""
        oid = decode_oid(name)
        known = len(oid) > 1 and self.tree.under(oid[:-1])
        return _exception(name, NO_SUCH_INSTANCE if known else NO_SUCH_OBJECT)

    def _seen(self, at: int, version: int) -> bool:
        # Version 1 has no Counter64 and passes over it (RFC 3584, section 4.2.2.1).
        return at not in self.hidden and not (version == V1 and self.tree.rows[at].tag == COUNTER64)


def respond(view: View, pdu: Pdu, version: int, room: int, t: float) -> bytes | None:
    """Return the response to `pdu`, or None if not even an error fits.

    Args:
        view: What there is.
        pdu: What was asked.
        version: Of the message.
        room: Bytes that the bindings may take.
        t: When.

    Raises:
        BadPacket: A name is malformed, or version 1 asks for GETBULK.
    """
    if pdu.kind == SET:
        return _refuse(view, pdu, version, room)
    if pdu.kind == GET_BULK:
        if version == V1:
            raise BadPacket("version 1 has no GETBULK")
        variables = _bulk(view, pdu, room, t)
        if pdu.names and not variables:
            return too_big(pdu, version, room)
        return response(pdu.request_id, 0, 0, bindings_of(variables))
    variables = []
    for index, name in enumerate(pdu.names, 1):
        at = view.get(name, version) if pdu.kind == GET else view.next(view.tree.after(name), version)
        if at is not None:
            variables.append(view.binding(at, t))
        elif version == V1:
            return _same_bindings(pdu, ErrorStatus.NO_SUCH_NAME, index, room)
        else:
            variables.append(view.missing(name) if pdu.kind == GET else _exception(name, END_OF_MIB_VIEW))
    bindings = bindings_of(variables)
    if len(bindings) > room:
        return too_big(pdu, version, room)
    return response(pdu.request_id, 0, 0, bindings)


def too_big(pdu: Pdu, version: int, room: int) -> bytes | None:
    """Return the error tooBig; in version 1 it carries the question's bindings (RFC 1157, section 4.1.2)."""
    if version == V1:
        return _same_bindings(pdu, ErrorStatus.TOO_BIG, 0, room)
    return response(pdu.request_id, ErrorStatus.TOO_BIG, 0, NOTHING)


def _refuse(view: View, pdu: Pdu, version: int, room: int) -> bytes | None:
    """Return the refusal of a SET: nothing here can be written."""
    if not pdu.names:
        return response(pdu.request_id, 0, 0, NOTHING)
    status = ErrorStatus.NO_ACCESS if view.get(pdu.names[0], V2C) is None else ErrorStatus.NOT_WRITABLE
    if version == V1:
        status = ErrorStatus.NO_SUCH_NAME  # RFC 3584, section 4.4
    return _same_bindings(pdu, status, 1, room) or too_big(pdu, version, room)


def _same_bindings(pdu: Pdu, status: ErrorStatus, index: int, room: int) -> bytes | None:
    """Return an error with the question's bindings, None if they do not fit."""
    return response(pdu.request_id, status, index, pdu.bindings) if len(pdu.bindings) <= room else None


def _bulk(view: View, pdu: Pdu, room: int, t: float) -> list[bytes]:
    """Return as many variables as fit (RFC 3416, section 4.2.3)."""
    once = pdu.names[: max(0, pdu.non_repeaters)]
    names = pdu.names[len(once) :]
    end = len(view.tree.rows)
    variables: list[bytes] = []

    def add(at: int, name: bytes) -> int:
        """Add the variable at or behind `at`, else the end of the view; return its index."""
        found = view.next(at, V2C)
        variables.append(_exception(name, END_OF_MIB_VIEW) if found is None else view.binding(found, t))
        return end if found is None else found

    for name in once:
        add(view.tree.after(name), name)
    places = [view.tree.after(name) for name in names]
    size = sum(map(len, variables))
    for _ in range(max(0, pdu.max_repetitions) if names else 0):
        first = len(variables)
        for column, place in enumerate(places):
            found = add(place, names[column])
            size += len(variables[-1])
            if found < end:
                names[column] = view.tree.names[found][2:]
            places[column] = min(found + 1, end)
            if size > room:
                break
        if size > room or all(variable.endswith(END_OF_MIB_VIEW) for variable in variables[first:]):
            break
    while variables and size > room:
        size -= len(variables.pop())
    return variables


def _exception(name: bytes, what: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(OBJECT_IDENTIFIER, name) + what)
