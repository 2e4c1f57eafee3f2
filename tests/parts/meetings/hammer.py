"""Many processes that book the same rooms at once.

`python -m tests.parts.meetings.hammer URL PROCESSES TRIES KILLS ROOM…`

Each try asks for one to all of the rooms, in any order, at one of a few times; some of the meetings that it gets, a
process cancels again. Each prints how many it got and lost; anything but a booking or RoomTaken ends it with a
traceback. So many times one of them is killed in the middle of what it does, and another takes its place.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import sys
import time
from datetime import timedelta

from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.work.dbos import DbosQueue
from meetings.errors import RoomTaken
from meetings.public import BookingRequest, book, cancel
from tests.builders.actors import account_actor

TIMES = 40


async def hammer(url: str, seed: int, tries: int, rooms: list[str]) -> dict[str, float]:
    """Return how many tries booked, how many lost, and how long all of them took."""
    chance = random.Random(seed)  # noqa: S311 - the same tries in each run
    actor = account_actor(new_id(), f"official{seed}", "official")
    queue = DbosQueue(url)
    database = Database(connect(url, process=f"hammer {seed}", pool_size=1), SystemClock(), queue)
    day = SystemClock().now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    booked = lost = 0
    started = time.monotonic()
    try:
        for number in range(tries):
            wanted = tuple(chance.sample(rooms, chance.randint(1, len(rooms))))
            start = day + timedelta(minutes=15 * chance.randrange(TIMES))
            end = start + timedelta(minutes=15 * chance.randint(1, 3))
            try:
                async with database.transaction() as tx:
                    meeting = await book(BookingRequest(f"{len(wanted)} rooms", wanted, start, end), actor, tx)
            except RoomTaken:
                lost += 1
                continue
            booked += 1
            if number % 3 == 0:
                async with database.transaction() as tx:
                    await cancel(actor, meeting.id, tx)
    finally:
        await database.close()
        queue.close()
    return {"booked": booked, "lost": lost, "spent_s": time.monotonic() - started}


def one(url: str, seed: int, tries: int, rooms: list[str]) -> None:
    """Be one of the processes."""
    sys.stdout.write(json.dumps(asyncio.run(hammer(url, seed, tries, rooms))) + "\n")
    sys.stdout.flush()


def main(url: str, processes: int, tries: int, kills: int, rooms: list[str]) -> int:
    """Run all of them and return the exit code: 1 if one of them failed that was not killed."""
    fork = multiprocessing.get_context("fork")  # all that they import is imported once
    chance = random.Random(kills)  # noqa: S311 - the same pauses in each run

    def start(seed: int) -> multiprocessing.process.BaseProcess:
        child = fork.Process(target=one, args=(url, seed, tries, rooms))
        child.start()
        return child

    children, killed = [start(seed) for seed in range(processes)], 0
    while killed < kills and any(child.is_alive() for child in children):
        time.sleep(chance.uniform(0.05, 0.5))
        place = chance.randrange(processes)
        if children[place].is_alive():
            children[place].kill()
            children[place].join()
            killed += 1
            children[place] = start(processes + killed)
    for child in children:
        child.join()
    sys.stderr.write(f"{killed} killed\n")
    return int(any(child.exitcode for child in children))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
