"""Trains the embedded model from procedural pictures: `python -m triad_ui train-embedded`.

Examples are made once and kept; stage (a) teaches the projector to look, stage (b) the language
model to read and talk, stage (c) to trust what the projector found; a held-out validation is scored
on the way; the adapter is written whole. A second call takes the examples and stage (a) from the
work folder and goes on with stage (b).
Knows nothing of corrections by people: those are rounds of their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.evaluation.metrics import auroc
from triad_ui.model.assemble import default_device
from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.findings import NUMBERS
from triad_ui.model.embedded.load import faster_dtype, load_base, read_card, read_projector
from triad_ui.model.embedded.projector import Projector
from triad_ui.records import LOCATIONS, ManufacturingProcess
from triad_ui.rounds.adapter_folder import write_adapter
from triad_ui.rounds.budgets import Budget
from triad_ui.rounds.close_reading import image_scores, weigh_looks
from triad_ui.rounds.examples import COLOURS, TRAINED, Example, examples
from triad_ui.rounds.learn_close import learn_close
from triad_ui.rounds.learn_steps import LOOKED_AT_LATER, READ_AT_FIRST, learn_steps
from triad_ui.rounds.looking import Looking, Words, train_looking
from triad_ui.rounds.step_pictures import DRAWN
from triad_ui.rounds.step_reading import sorts_of, vocabulary
from triad_ui.rounds.talker import Talker
from triad_ui.rounds.talking import opening_logits, train_talking
from triad_ui.rounds.trusting import train_trusting
from triad_ui.rounds.truths import told_of, truths
from triad_ui.rounds.wording import train_words, words_right
from triad_ui.synthesis.families import HELD_OUT
from triad_ui.synthesis.surface import SURFACE_KINDS

LOGICAL_KINDS = (
    "wrong colour", "missing part", "extra part", "swapped parts", "wrong count",
    "wrong position", "wrong text",
)  # fmt: skip
ONLY_THE_PROCESS = 0.35
"""Share kept, in stage (b), of the cases where pictures look as they should and only the process
tells good from faulty. Where the process is not read well, a model learns from them to doubt every
good part; see docs/log.md."""
KINDS = (*SURFACE_KINDS, *LOGICAL_KINDS)
LORA_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
VALIDATION_SEED = 900_000_000
HELD_OUT_SEED = 950_000_000
TRUTHS_SEED = 970_000_000


Say = Callable[[str], None]


def words_of(tokenizer: object, embeddings: Tensor) -> Words:
    """The word embeddings that stage (a) draws visual tokens to, from the base's own table."""

    centre = embeddings.float().mean(0)

    def rows_of(ids: Iterable[Sequence[int]]) -> Tensor:
        means = torch.stack([embeddings[list(each)].float().mean(0) for each in ids])
        return functional.normalize(means - centre, dim=1)

    def rows(texts: Iterable[str]) -> Tensor:
        return rows_of(tokenizer.encode(" " + text) for text in texts)

    return Words(
        kinds=rows(["good", *KINDS]),
        colours=rows(COLOURS),
        places=rows(LOCATIONS),
        verdicts=rows(["good", "defective"]),
        numbers=rows_of([tokenizer.encode(str(number))[-1:] for number in range(1, 1 + NUMBERS)]),
        kind_index={kind: index + 1 for index, kind in enumerate(KINDS)},
    )


def train_embedded(
    base: Path, weights: Path, out: Path, work: Path, budget: Budget, *, seed: int, jobs: int,
    say: Say, start: Path | None = None, processes: Sequence[ManufacturingProcess] = (),
) -> dict:  # fmt: skip
    """Train and write the adapter into `out`; returns its card.

    base: folder of `convert_base`. weights: EfficientNet-Lite0's file. work: examples, checkpoints
    and the log of losses. start: folder of an adapter to go on from; None begins anew. processes:
    as people write them, that must not sway a verdict, see `conversations.elsewhere`. Raises
    TrainingError when a loss is not finite, WeightsError when `start` is damaged.
    """
    origin = read_card(start)["version"] if start is not None else ""
    torch.manual_seed(seed)
    work.mkdir(parents=True, exist_ok=True)
    started = time.time()
    say(f"making {budget.examples} examples from {len(TRAINED)} product families")
    show = _progress(say, "examples")
    train = examples(work / "examples", weights, seed * 10_000_000, budget.examples, jobs, show)
    valid = examples(
        work / "validation", weights, VALIDATION_SEED, budget.validation, jobs, show, varied=False
    )
    unseen = examples(
        work / "held_out", weights, HELD_OUT_SEED, budget.validation, jobs, show, HELD_OUT,
        varied=False,
    )  # fmt: skip
    first = [each for each in train if each.family not in LOOKED_AT_LATER]
    later = [each for each in train if each.family in LOOKED_AT_LATER]
    torch.set_num_threads(jobs)
    device = default_device()
    language, tokenizer = load_base(base, torch.bfloat16 if device == "cuda" else faster_dtype())
    table = language.get_input_embeddings().weight.detach().float()
    words = words_of(tokenizer, table)
    projector = _projector_of(start, language.config.hidden_size, say)
    if projector is None:
        told = vocabulary([DRAWN[name] for name in READ_AT_FIRST], tokenizer.encode)
        projector = Projector(table.shape[1], len(KINDS), len(SURFACE_KINDS), vocabulary=len(told))
        projector.steps.words.copy_(told)
        projector.steps.sorts.copy_(sorts_of(told, tokenizer.decode))
        names = [table[tokenizer.encode(" " + name)].mean(0) for name in LOCATIONS]
        projector.start_places(torch.stack(names) * 0.5)
        projector.findings.start(
            words.kinds, words.colours, words.places, words.verdicts, words.numbers
        )
    looking = Looking(projector.findings, words.kind_index)
    log = open(work / "losses.jsonl", "a", encoding="utf-8")  # noqa: SIM115

    def note(stage: str, step: int, steps: int, losses: dict[str, float]) -> None:
        if not all(np.isfinite(value) for value in losses.values()):
            raise TrainingError(f"The loss is not finite at step {step} of stage {stage}.")
        log.write(json.dumps({"stage": stage, "step": step, **losses}) + "\n")
        log.flush()
        if step % 25 == 0 or step == steps:
            shown = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            say(f"stage {stage} {step}/{steps} {shown} ({time.time() - started:.0f} s)")

    learn_close(projector, weights, work, budget, seed=seed, jobs=jobs, say=say, note=note)
    looked = work / "looking.pt"
    if looked.exists():
        projector.load_state_dict(torch.load(looked, weights_only=True))
    else:
        train_looking(
            projector, looking, first, epochs=budget.epochs, seed=seed,
            on_step=lambda *a: note("a", *a),
        )  # fmt: skip
        torch.save(projector.state_dict(), looked)
    learn_steps(
        projector, Lexicon(tokenizer, table), weights, work, budget, seed=seed, jobs=jobs, say=say,
        note=note, kinds=LOGICAL_KINDS, processes=processes,
    )  # fmt: skip
    loss = weigh_looks(projector, later or first)
    say(f"weighed close looks and the map: cross-entropy {loss:.3f}")
    report = {"looking": _measured(image_scores(projector, valid), valid)}
    report["looking, new families"] = _measured(image_scores(projector, unseen), unseen)
    say(f"after stage a: {report}")

    language = get_peft_model(
        language,
        LoraConfig(r=16, lora_alpha=32, target_modules=LORA_LAYERS, task_type="CAUSAL_LM"),
    )
    if start is not None:
        set_peft_model_state_dict(language, load_file(start / "adapter_model.safetensors"))
    talker = Talker(language, projector, tokenizer).language_to(device)
    kept = work / "words.pt"
    lora = [parameter for parameter in language.parameters() if parameter.requires_grad]
    if kept.exists():
        for parameter, value in zip(lora, torch.load(kept, weights_only=True), strict=True):
            parameter.data.copy_(value)
    else:
        train_words(talker, steps=budget.words, seed=seed, on_step=lambda *a: note("words", *a))
        torch.save([parameter.data for parameter in lora], kept)
    report["words, new families"] = round(words_right(talker, HELD_OUT), 3)
    say(f"told in words, families never read of: {report['words, new families']} right")

    def step_done(step: int, steps: int, losses: dict[str, float]) -> None:
        note("b", step, steps, losses)
        if step % 100 == 0:
            some = _measured(opening_logits(talker, valid[:60]), valid[:60])
            talker.train()
            say(f"validation at {step}: {some}")
            write_adapter(out, talker, report, budget, seed, started, origin)

    train_talking(
        talker, looking, _thinned(train + later, seed), steps=budget.steps,
        seconds=budget.minutes * 60, seed=seed,
        on_step=step_done, batch_size=budget.batch, state=work / "talking.pt", processes=processes,
    )  # fmt: skip
    parts = [told_of(example) for example in train]
    show, first_seed = _progress(say, "truths"), TRUTHS_SEED + seed * 1_000_000
    parts += truths(work / "truths", first_seed, budget.truths, jobs, show)
    train_trusting(
        talker, parts, words.kind_index, steps=budget.trusted,
        seconds=budget.trusting * 60, seed=seed, on_step=lambda *a: note("c", *a),
        batch_size=min(6, budget.batch) if device == "cpu" else 2 * budget.batch,
        processes=processes, jobs=0 if device == "cpu" else jobs,
    )  # fmt: skip
    report["verdict"] = _measured(opening_logits(talker, valid), valid)
    report["verdict, new families"] = _measured(opening_logits(talker, unseen), unseen)
    say(f"after stage c: {report}")
    log.close()
    return write_adapter(out, talker, report, budget, seed, started, origin)


def _thinned(examples: Sequence[Example], seed: int) -> list[Example]:
    """Without most of the cases that only the process tells, see `ONLY_THE_PROCESS`."""
    rng = np.random.default_rng([seed, 9])
    kept = rng.random(len(examples)) < ONLY_THE_PROCESS
    return [
        example
        for example, keep in zip(examples, kept, strict=True)
        if keep or (example.visible and example.truth.reference_agrees)
    ]


def _projector_of(start: Path | None, width: int, say: Say) -> Projector | None:
    """The projector to go on from; None where it is of an older make, or there is no start."""
    if start is None:
        return None
    try:
        return read_projector(start, width)
    except (KeyError, RuntimeError):
        say("the projector to go on from is of an older make: only the LoRA weights are used")
        return None


def _measured(scores: np.ndarray, shown: Sequence[Example]) -> dict[str, float | None]:
    """AUROC over all, and of each sort of fault against all good parts."""
    bad = np.array([e.truth.label == "defective" for e in shown])
    logical = np.array([bool(e.truth.expected) for e in shown])
    flipped = np.array([not e.visible for e in shown])
    groups = {
        "all": bad | ~bad,
        "surface": ~bad | ~logical,
        "logical": ~bad | logical & ~flipped,
        "process only": ~bad | logical & flipped,
    }
    areas = {name: auroc(scores[g], bad[g]) for name, g in groups.items()}
    return {name: None if np.isnan(area) else round(area, 3) for name, area in areas.items()}


def _progress(say: Say, what: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        say(f"{what}: {done} of {total}")

    return show
