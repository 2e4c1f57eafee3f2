"""A worker dies in the middle of telling somebody of an alert: another one tells it again, and the record says so."""

from __future__ import annotations

import html
import os
import signal

from tests.flows.reader import Reader
from tests.real.platform import Platform
from tests.real.waiting import alive, until
from tests.real.webhook import Received, WebhookReceiver, who_has

DEVICE = "ps-rt1"
WORKERS = ("worker-1", "worker-2")
TWICE = "an earlier attempt was cut off and may have been sent too"


def is_ours(message: Received) -> bool:
    return bool(message.body["data"]["device"] == DEVICE)


def the_first_of_ours(message: Received, before: list[Received]) -> bool:
    return is_ours(message) and not any(map(is_ours, before))


def test_a_worker_killed_while_it_tells_of_an_alert_is_replaced_and_the_receiver_can_know_the_repeat() -> None:
    with WebhookReceiver(the_first_of_ours) as receiver:
        settings = {"VUNGCAO_WORKERS": "2", "VUNGCAO_ALERT_WEBHOOK_URL": receiver.url}
        with Platform(settings) as platform, Reader(platform.url) as reader:

            def told() -> list[Received]:
                return [message for message in receiver.received if is_ours(message)]

            pids = {name: platform.child(name) for name in WORKERS}
            platform.fault(DEVICE, "silent", on=True)
            first = until(lambda: told() or None, "the first message")[0]
            sender = who_has(first.port, list(pids.values()))
            assert sender is not None, "one of the workers has this connection"
            os.kill(sender, signal.SIGKILL)
            until(lambda: not alive(sender), "the sender to die")

            until(lambda: len(told()) == 2, "another worker to send it again")
            assert told()[1] == Received(first.id, first.body, told()[1].port)
            assert first.body["id"] == first.id
            assert first.body["data"]["event"] == "alert.raised"
            alert = first.body["data"]["alert_id"]

            def record() -> list[tuple[str, str, str]]:
                story = reader.ask(f"/alerts/{alert}") or {"notifications": []}
                return [(note["channel"], note["state"], note["why"]) for note in story["notifications"]]

            until(lambda: record() == [("webhook", "sent", TWICE)], "the record to say what may have happened")
            assert html.escape(TWICE) in reader.page(f"/alerts/{alert}")

            # What was told is told: neither another death nor another event brings it up again.
            for name in WORKERS:
                os.kill(platform.child(name), signal.SIGKILL)
            platform.fault(DEVICE, "silent", on=False)
            until(lambda: len(told()) > 2, "the news that the alert is over")
            assert [message.body["data"]["event"] for message in told()] == ["alert.raised"] * 2 + ["alert.cleared"]
            assert told()[2].id != first.id
            until(lambda: len(record()) == 2, "the record of both messages")
            assert [state for _, state, _ in record()] == ["sent", "sent"]
            until(platform.is_ready, "the platform to be well")
