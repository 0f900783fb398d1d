"""How varied and how long the instruction data is, and how fast it is made.

    python benchmarks/instruct.py [--tokenizer tokenizer.json]

Draws 1,500 small parts and holds 12,000 conversations about them; draws text cases; counts shares
and different texts. With a tokenizer (the embedded model's lies below the cache folder) it also
gives lengths in tokens.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from triad_ui.instruct.mixture import converse
from triad_ui.instruct.text_case import text_case
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.lesson import lessons, truth_of
from triad_ui.synthesis.sample import make_sample

PARTS, CONVERSATIONS, CASES = 1500, 12_000, 6000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", metavar="FILE")
    given = parser.parse_args()
    samples = [make_sample(seed, size=96, references=0) for seed in range(PARTS)]
    logical = [sample for sample in samples if sample.logical]
    families, kinds = {s.family for s in samples}, {s.kind for s in samples} - {""}
    flipped, bad = (np.mean([s.flipped for s in logical]), np.mean([bool(s.kind) for s in samples]))
    print(f"{len(families)} families, {len(kinds)} kinds, defective {bad:.2f}")
    print(f"{len(logical)} deviate from the process, of these flipped {flipped:.2f}")
    truths = [truth_of(sample) for sample in samples]
    rng = np.random.default_rng(0)
    begin = time.process_time()
    held = [converse(truths[k % PARTS], rng) for k in range(CONVERSATIONS)]
    rate = CONVERSATIONS / (time.process_time() - begin)
    pairs = [pair for conversation in held for pair in conversation.exchanges]
    questions, answers = ({pair[side] for pair in pairs} for side in (0, 1))
    print(f"{len(questions)} different questions, {len(answers)} answers")
    print(f"{rate:.0f} conversations a second of computing time")
    begin = time.process_time()
    for _ in range(CASES):
        text_case(rng, list(FAMILIES.values()))
    print(f"{CASES / (time.process_time() - begin):.0f} text cases a second of computing time")
    if given.tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(given.tokenizer)
        said, wholes = [], []
        for lesson in lessons(0, PARTS, size=64):
            lengths = [(m.role, len(tokenizer.encode(m.text).ids)) for m in lesson.messages]
            said += [length for role, length in lengths if role == "assistant"]
            wholes.append(sum(length for _, length in lengths))
        print("tokens of an answer (50, 95, 99, 100 %):", np.percentile(said, (50, 95, 99, 100)))
        print("tokens of a lesson (50, 95, 100 %):", np.percentile(wholes, (50, 95, 100)))


if __name__ == "__main__":
    main()
