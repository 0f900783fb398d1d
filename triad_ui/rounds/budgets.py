"""How much `train_embedded` trains: from a try of the machinery to hours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """How much to train. examples: seeds of pictures; close: parts that are looked at closely,
    looks: batches of frames of them; pairs: parts that are compared with good ones, compared:
    batches of them; epochs: of stage (a); parts: pictures whose steps are read,
    readings: batches of them, paints: of what they are painted in, orders: of processes beside
    them, names: of what contradicts these;
    words: batches of parts told in words alone; steps: batches of stage (b); batch: their size;
    minutes: of stage (b) at the most, the rate falls to nothing by then; truths: seeds of parts
    that are told of in stage (c); trusted, trusting: batches and minutes of it."""

    examples: int
    close: int
    looks: int
    pairs: int
    compared: int
    epochs: int
    parts: int
    readings: int
    paints: int
    orders: int
    names: int
    words: int
    steps: int
    batch: int = 8
    minutes: float = 1e6
    validation: int = 200
    truths: int = 0
    trusted: int = 0
    trusting: float = 1e6


BUDGETS = {
    "smoke": Budget(
        50, close=40, looks=2, pairs=20, compared=2, epochs=1, parts=40, readings=3, paints=3,
        orders=3, names=2, words=2, steps=3, batch=2, validation=10, truths=20, trusted=2,
    ),
    "20m": Budget(
        250, close=800, looks=80, pairs=500, compared=80, epochs=8, parts=1000,
        readings=120, paints=120, orders=300, names=60, words=0, steps=100, minutes=3,
        validation=25, truths=250, trusted=40, trusting=2,
    ),
    "1h": Budget(
        1500, close=6000, looks=600, pairs=4000, compared=600, epochs=8, parts=8000,
        readings=1200, paints=1000, orders=3000, names=400, words=20, steps=500, minutes=15,
        validation=100, truths=2000, trusted=150, trusting=12,
    ),
    "3h": Budget(
        6000, close=12000, looks=1500, pairs=10000, compared=2000, epochs=8, parts=20000,
        readings=4000, paints=4000, orders=12000, names=800, words=300, steps=1800, minutes=70,
        truths=6000, trusted=500, trusting=50,
    ),
    # where a GPU reads whole batches at once; pictures are drawn and looked at by the processor
    "gpu": Budget(
        6000, close=12000, looks=1500, pairs=10000, compared=2000, epochs=8, parts=20000,
        readings=4000, paints=4000, orders=12000, names=800, words=1000, steps=4000, batch=32,
        minutes=60, truths=16000, trusted=3000, trusting=30,
    ),
}  # fmt: skip
