"""Waiting times, speed and memory against stock transformers, on one model, in one run.

    python benchmarks/runtime.py [--size 0.1b|0.5b|7b] [--precision bf16 int8 nf4] [--repeats 3]
        [--clock wall|cpu]

A LlavaOnevision of random weights (they tell time and memory, not quality) looks at one 1024 x 1024
picture (7371 visual tokens) and is asked five questions with a process of eight steps. Stock is
`processor.apply_chat_template` + `generate` with the whole history at every turn. Ours goes the way
of the workbench: the judgement reads pictures and process ahead, the question is answered after
it. "At once": the question is sent in the moment in which the reading ahead begins, and joins it.
Each side runs in a process of its own, in turn; times are medians, memory is the process's (or the
graphics card's) peak. Ratios are stock / ours: above 1, ours is faster or smaller. On a processor
that others use too, `--clock cpu` with OMP_NUM_THREADS=1 counts computing time instead, which is
what an idle machine would take.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
SIDE = 1024
TURNS = 5
WORDS = 32
"""New tokens an answer."""
QUESTIONS = (
    "What is wrong with it, where is it, and which process step does it contradict?",
    "Why do you think so?",
    "How sure are you of that?",
    "Which step should be checked on the line?",
    "What would a good part look like there?",
)
ANSWER = "There is a cut in the insulation at the top left, which contradicts step 2."
STEPS = "\n".join(
    f"{step}. The part passes station {step}, where the insulation is checked against the drawing."
    for step in range(1, 9)
)


def picture() -> np.ndarray:
    """uint8 (SIDE, SIDE, 3): coloured patches."""
    patches = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return np.ascontiguousarray(patches.repeat(SIDE // 64, 0).repeat(SIDE // 64, 1))


def stock(folder: Path, precision: str, device: str, now: Clock) -> dict[str, float]:
    """One conversation with stock transformers."""
    import random_llava
    from PIL import Image
    from transformers import AutoModelForImageTextToText
    from transformers.generation.streamers import BaseStreamer

    from triad_ui.dialogue import prompt
    from triad_ui.model.quantize import quantization_config, torch_dtype

    class Noted(BaseStreamer):
        """Notes when each token comes; the first call brings the prompt."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def put(self, value: object) -> None:
            self.times.append(now())

        def end(self) -> None:
            pass

    dtype = torch_dtype(precision, device)
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=dtype, device_map=device,
        quantization_config=quantization_config(precision, device),
    ).eval()  # fmt: skip
    processor, image = random_llava.processor(), Image.fromarray(picture())

    def said(role: str, *content: dict) -> dict:
        return {"role": role, "content": list(content)}

    def text(words: str) -> dict:
        return {"type": "text", "text": words}

    process = f"The following is the production process of the parts:\n{STEPS}\n"
    messages = [said("system", text(prompt.SYSTEM))]
    result: dict[str, float] = {}
    for turn, question in enumerate(QUESTIONS[:TURNS], 1):
        opening = () if turn > 1 else ({"type": "image", "image": image},)
        messages.append(said("user", *opening, text(process * (turn == 1) + question)))
        started = now()
        inputs = processor.apply_chat_template(
            messages, tokenize=True, add_generation_prompt=True, return_dict=True,
            return_tensors="pt",
        ).to(device, dtype)  # fmt: skip
        noted = Noted()
        model.generate(
            **inputs, max_new_tokens=WORDS, min_new_tokens=WORDS, do_sample=False, streamer=noted
        )
        result[f"turn {turn}"] = noted.times[1] - started
        result["tokens/s"] = (WORDS - 1) / (noted.times[-1] - noted.times[1])
        messages.append(said("assistant", text(ANSWER)))
    return result | {"memory MB": peak(device)}


def ours(folder: Path, precision: str, device: str, now: Clock) -> dict[str, float]:
    """The same conversation through our runtime."""
    from triad_ui.dialogue import processes, prompt
    from triad_ui.model.assemble import load_checkpoint
    from triad_ui.model.checkpoint import open_checkpoint
    from triad_ui.model.language_model import GenerationOptions
    from triad_ui.records import Turn, VisualInput

    model = load_checkpoint(open_checkpoint(folder), precision=precision, device=device)
    process = processes.parse(STEPS, name="part", product="part", plural="parts")
    options = GenerationOptions(max_new_tokens=WORDS)
    history: list[Turn] = []
    result: dict[str, float] = {"visual tokens": 0}

    def judge(images: tuple[VisualInput, ...]) -> None:
        opening = prompt.opening("part", process, len(images))
        model.choice_logits(images, opening, (prompt.YES, prompt.NO))

    def ask(images: tuple[VisualInput, ...], question: str) -> float:
        """Seconds to the first token; the judgement is asked for first, as the workbench does."""
        started = now()
        judge(images)
        messages = prompt.conversation("part", process, 1, prompt.YES, history, question)
        times: list[float] = []
        decode = model._tokenizer.decode  # called as each token comes, shown or not

        def noted(ids: list[int]) -> str:
            times.append(now())
            return decode(ids)

        model._tokenizer.decode = noted
        *_, chunk = model.stream(images, messages, options, threading.Event())
        model._tokenizer.decode = decode
        result["tokens/s"] = (chunk.tokens - 1) / (times[chunk.tokens - 1] - times[0])
        return times[0] - started

    def shown(key: str) -> tuple[VisualInput, ...]:
        return (VisualInput(picture(), (), None, key),)

    result["visual tokens"] = model.visual_tokens(shown("counted"))
    at_once = shown("at once")
    reading = threading.Thread(target=judge, args=(at_once,))
    reading.start()
    result["turn 1"] = ask(at_once, QUESTIONS[0])
    reading.join()
    ahead = shown("read ahead")
    started = now()
    judge(ahead)
    result["reading ahead"] = now() - started
    result["turn 1 read ahead"] = ask(ahead, QUESTIONS[0])
    for turn in range(2, TURNS + 1):
        history.append(Turn(str(turn), QUESTIONS[turn - 2], ANSWER, "complete"))
        result[f"turn {turn}"] = ask(ahead, QUESTIONS[turn - 1])
    return result | {"memory MB": peak(device)}


def threads() -> str:
    """How many processors there are, how many threads torch takes, and what else goes on."""
    import torch

    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads{load}"


def peak(device: str) -> float:
    """Peak memory so far, in 10^6 bytes: of the graphics card, else of this process."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    import torch

    return torch.cuda.max_memory_allocated() / 1e6


def run(side: str, folder: Path, precision: str, device: str, clock: str) -> dict[str, float]:
    """One side in a process of its own."""
    command = [sys.executable, str(HERE), "--side", side, "--folder", str(folder)]
    command += ["--precision", precision, "--device", device, "--clock", clock]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(folder: Path, precision: str, device: str, repeats: int, clock: str) -> None:
    """Alternate both sides and print medians and ratios."""
    runs: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    for _ in range(repeats):
        for side in runs:
            runs[side].append(run(side, folder, precision, device, clock))
    middle = {
        side: {key: statistics.median(one[key] for one in many) for key in many[0]}
        for side, many in runs.items()
    }
    seen = middle["ours"]["visual tokens"]
    print(f"\n{precision}, {seen:.0f} visual tokens, {device}, {clock} clock")
    print(f"{'':24}{'stock':>10}{'ours':>10}{'ratio':>8}")
    rows = [("turn 1, sent at once", "turn 1", "turn 1")]
    rows += [("turn 1, read ahead", "turn 1", "turn 1 read ahead")]
    rows += [(f"turn {turn}", f"turn {turn}", f"turn {turn}") for turn in range(2, TURNS + 1)]
    for name, left, right in rows:
        a, b = middle["stock"][left], middle["ours"][right]
        print(f"{name + ' (s)':24}{a:10.3f}{b:10.3f}{a / b:8.2f}")
    a, b = (middle[side]["tokens/s"] for side in ("stock", "ours"))
    print(f"{'tokens/s':24}{a:10.2f}{b:10.2f}{b / a:8.2f}")
    a, b = (middle[side]["memory MB"] for side in ("stock", "ours"))
    print(f"{'peak memory (MB)':24}{a:10.0f}{b:10.0f}{a / b:8.2f}", flush=True)


def modes() -> None:
    """Visual tokens of a 1024 x 1024 picture by mode and number of regions."""
    from triad_ui.model.layout import VisualLayout
    from triad_ui.model.views import token_count
    from triad_ui.records import Roi, VisualInput

    pinpoints = tuple((384 * i, 384 * j) for i in range(1, 7) for j in range(1, 7))
    print(f"{'regions':24}" + "".join(f"{number:>8}" for number in range(5)))
    for mode in ("anyres_rois", "rois"):
        layout = VisualLayout(mode, 384, 27, pinpoints)
        shown = [
            VisualInput(picture(), (Roi(0, 0, 384, 384),) * number, None, "") for number in range(5)
        ]
        counts = [token_count(image, layout) for image in shown]
        print(f"{mode:24}" + "".join(f"{number:>8}" for number in counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="0.1b", choices=("0.1b", "0.5b", "7b"))
    parser.add_argument("--precision", nargs="+", help="default: bf16, or what suits here")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="")
    parser.add_argument("--clock", default="wall", choices=CLOCKS)
    parser.add_argument("--side", choices=("stock", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="an existing checkpoint, else one is made")
    wanted = parser.parse_args()
    if wanted.side:
        work = stock if wanted.side == "stock" else ours
        now = CLOCKS[wanted.clock]
        print(json.dumps(work(wanted.folder, wanted.precision[0], wanted.device, now)))
        return
    import random_llava
    import torch

    from triad_ui.model.quantize import torch_dtype

    device = wanted.device or ("cuda" if torch.cuda.is_available() else "cpu")
    own = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
    precisions = wanted.precision or [own[torch_dtype("auto", device)]]
    modes()
    with tempfile.TemporaryDirectory() as made:
        folder = wanted.folder or Path(made)
        if wanted.folder is None:
            parameters = random_llava.write(folder, wanted.size, device)
            print(f"{parameters / 1e9:.2f} billion parameters, {threads()}")
        for precision in precisions:
            compare(folder, precision, device, wanted.repeats, wanted.clock)


if __name__ == "__main__":
    main()
