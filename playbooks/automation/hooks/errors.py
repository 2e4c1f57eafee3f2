"""What can go wrong with webhooks, in words for whoever makes one, or calls one."""

from __future__ import annotations

from http import HTTPStatus

from kernel.errors import BadInput, Conflict, Refused


class HookNameMissing(BadInput):
    code = "hook-name-missing"
    message = "Give the webhook a name of 1 to {most} characters, on one line."


class HookNotByAPerson(Refused):
    code = "hook-not-by-a-person"
    message = "A webhook runs with the rights of the person who made it: sign in to make one."


class TooManyHooks(BadInput):
    code = "hook-too-many"
    message = "There are {most} webhooks already. End one that is not needed any more."


class ReceiverForNothing(BadInput):
    code = "receiver-for-nothing"
    message = "Choose at least one thing that it is told."


class CallNotSigned(Refused):
    """Says nothing of whether there is such a webhook."""

    code = "hook-not-signed"
    http_status = HTTPStatus.UNAUTHORIZED
    message = "There is no such webhook, or the call is not signed with its secret: {why}"


class CallRepeated(Conflict):
    code = "hook-repeated"
    message = (
        "The message {message_id} was taken before. A repeated call launches nothing: send a new id for a new run."
    )
