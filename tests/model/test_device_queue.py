"""Order, stop and making way, without a model."""

from __future__ import annotations

import threading
import time

import pytest

from triad_ui.errors import ModelError
from triad_ui.model import device_queue
from triad_ui.model.device_queue import DeviceQueue, Place

NEVER = threading.Event()


@pytest.fixture
def queue() -> DeviceQueue:
    return DeviceQueue()


def held(queue: DeviceQueue, urgent: bool = False) -> Place:
    place = queue.take_place(urgent)
    queue.enter(place, NEVER)
    return place


def waiting(queue: DeviceQueue, urgent: bool, came: list[str], name: str) -> threading.Thread:
    """A thread that waits, notes its name and leaves; returns once it waits."""
    place, before = queue.take_place(urgent), len(queue._waiting)

    def wait() -> None:
        queue.enter(place, NEVER)
        came.append(name)
        queue.leave(place)

    thread = threading.Thread(target=wait)
    thread.start()
    while len(queue._waiting) == before:
        time.sleep(0.001)
    return thread


def test_people_go_first_and_each_in_order(queue: DeviceQueue) -> None:
    first, came = held(queue), []
    threads = [
        waiting(queue, urgent, came, name)
        for name, urgent in (("b1", False), ("p1", True), ("b2", False), ("p2", True))
    ]
    queue.leave(first)
    for thread in threads:
        thread.join(10)
    assert came == ["p1", "p2", "b1", "b2"]


def test_stop_ends_waiting_and_leaves_no_trace(queue: DeviceQueue) -> None:
    first, stop = held(queue), threading.Event()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(ModelError, match="Stopped"):
        queue.enter(queue.take_place(True), stop)
    assert time.monotonic() - started < 0.2
    queue.leave(first)
    held(queue)


def test_background_work_makes_way_and_goes_on(queue: DeviceQueue, monkeypatch) -> None:
    monkeypatch.setattr(device_queue, "SLICE", 0.0)
    first, came = held(queue), []
    queue.give_way(first, NEVER)  # nobody waits
    background = waiting(queue, False, came, "background")
    queue.give_way(first, NEVER)
    assert came == []
    person = waiting(queue, True, came, "person")
    queue.give_way(first, NEVER)
    assert came == ["person"]  # and the first one holds again, before the other background work
    queue.leave(first)
    person.join(10)
    background.join(10)
    assert came == ["person", "background"]


def test_who_works_for_a_person_makes_no_way(queue: DeviceQueue, monkeypatch) -> None:
    monkeypatch.setattr(device_queue, "SLICE", 0.0)
    first, came = held(queue), []
    thread = waiting(queue, True, came, "person")
    queue.hurry(first)
    queue.give_way(first, NEVER)
    assert came == []
    queue.leave(first)
    thread.join(10)


def test_a_holder_that_rests_too_long_is_passed(queue: DeviceQueue, monkeypatch) -> None:
    monkeypatch.setattr(device_queue, "IDLE", 0.1)
    first, came = held(queue, urgent=True), []
    queue.rest(first)
    queue.resume(first, NEVER)
    thread = waiting(queue, False, came, "other")
    time.sleep(0.3)
    assert came == []
    queue.rest(first)
    thread.join(10)
    assert came == ["other"]
    queue.resume(first, NEVER)
    stop = threading.Event()
    stop.set()
    with pytest.raises(ModelError):
        queue.enter(queue.take_place(True), stop)
    queue.leave(first)


def test_patience_lets_background_work_in(queue: DeviceQueue, monkeypatch) -> None:
    monkeypatch.setattr(device_queue, "PATIENCE", 0.05)
    first, came = held(queue), []
    background = waiting(queue, False, came, "background")
    time.sleep(0.1)
    person = waiting(queue, True, came, "person")
    queue.leave(first)
    background.join(10)
    person.join(10)
    assert came == ["background", "person"]
