"""The error tree. Each error that a person may meet has a code, an HTTP status, fields, and words on what to do.

    VungCaoError                500
    ├── BadInput                400   what was sent cannot be understood
    │   └── BadSetting                a setting has a wrong value; the start stops
    ├── NotSignedIn             401
    ├── Refused                 403   understood, and not allowed
    ├── NotFound                404   not there, or not yours: the two look the same
    ├── Conflict                409   it clashes with what is there now
    ├── TooManyTries            429
    └── Unavailable             503   a part that we need does not answer
        ├── DatabaseUnavailable
        ├── StoreUnavailable          the metric store (also an OSError)
        └── EngineUnavailable         the engine's local socket

Domains subclass these in their own `errors.py`. `message` is an English template and the key of its translation;
its placeholders are the error's fields, so that the edge can say the same thing in the reader's language.
"""

from __future__ import annotations

from typing import ClassVar


class VungCaoError(Exception):
    """Root of all errors of the platform.

    Args:
        **fields: Values for the placeholders of `message`; also given to machines in problem details.
    """

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    message: ClassVar[str] = "Something went wrong inside the platform. The log says what."

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message.format(**fields))


class BadInput(VungCaoError):
    code = "bad-input"
    http_status = 400
    message = "{what} cannot be understood: {why}"


class BadField(BadInput):
    message = "{field} cannot be understood: {why}"


class BadSetting(BadInput):
    code = "bad-setting"
    message = "The setting {name} has a wrong value: {why}"


class NotSignedIn(VungCaoError):
    code = "not-signed-in"
    http_status = 401
    message = "Sign in first."


class Refused(VungCaoError):
    code = "refused"
    http_status = 403
    message = "Your role does not allow this. Ask your administrator."


class NotFound(VungCaoError):
    code = "not-found"
    http_status = 404
    message = "There is no {kind} {code} that you may see."


class Conflict(VungCaoError):
    code = "conflict"
    http_status = 409
    message = "{what} has changed meanwhile. Look at it again, then repeat."


class TooManyTries(VungCaoError):
    code = "too-many-tries"
    http_status = 429
    message = "Too many tries. Try again in {wait_s} seconds."


class Unavailable(VungCaoError):
    code = "unavailable"
    http_status = 503
    message = "{part} does not answer: {why}"


class DatabaseUnavailable(Unavailable):
    code = "database-unavailable"
    message = "The database does not answer: {why}"


class StoreUnavailable(Unavailable, OSError):
    code = "store-unavailable"
    message = "The metric store does not take values: {why}"


class EngineUnavailable(Unavailable):
    code = "engine-unavailable"
    message = "The engine does not answer: {why}"
