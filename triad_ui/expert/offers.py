"""The experts as a person chooses among them: what each does, uses and needs, and is it here?

Whether weights are here is seen from files alone; nothing heavy is imported and nothing is loaded,
so that a page may ask. Whether they are whole shows when they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Use = Literal["references", "pool", "text"]
CLIP = "openai/clip-vit-large-patch14-336"
DINOV2 = "facebook/dinov2-large"
APRIL_GAN = "from github.com/ByChelsea/VAND-APRIL-GAN, folder exps/pretrained"
ANOMALY_CLIP = (
    "anomaly_clip.pth, which is checkpoints/9_12_4_multiscale/epoch_15.pth of "
    "github.com/zqhang/AnomalyCLIP under that name"
)
WIDE_RESNET = (
    "wide_resnet50*.safetensors",
    "wide_resnet50*/*.safetensors",
    "wide_resnet50*.pth",
    "wide_resnet50*.pt",
    "wide_resnet50*/*.bin",
)
"""As `wide_resnet.PATTERNS`, which cannot be asked without torch."""


@dataclass(frozen=True, slots=True)
class ExpertOffer:
    """An expert that can be chosen.

    uses: what it makes use of beside the photograph, most important first. needs: those of them
    without which it cannot judge. problem: why it cannot be used here now and the way out, or "".
    """

    name: str
    title: str
    description: str
    uses: tuple[Use, ...]
    needs: tuple[Use, ...] = ()
    problem: str = ""

    @property
    def ready(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is known of an expert before it is loaded.

    repository: on a hub, "" without. files: one of these patterns must be in the weights folder.
    told: what a person is to put there for it, and where that comes from.
    """

    title: str
    description: str
    uses: tuple[Use, ...]
    needs: tuple[Use, ...] = ()
    repository: str = ""
    files: tuple[str, ...] = ()
    told: str = ""


SHEETS: dict[str, _Sheet] = {
    "reference": _Sheet(
        "Reference",
        "The default: each place against the nearest place of good parts. Needs no download.",
        ("references",),
    ),
    "patch-core-embedded": _Sheet(
        "PatchCore, embedded",
        "A thinned memory of good parts through the embedded network; for many references.",
        ("references",), ("references",),
    ),
    "few-shot-bank-embedded": _Sheet(
        "Few-shot bank, embedded",
        "The plain bank of AnomalyGPT and IAD-GPT through the embedded network; to compare with.",
        ("references",), ("references",),
    ),
    "musc-embedded": _Sheet(
        "MuSc, embedded",
        "Judges a part by unlabelled others of its product, through the embedded network.",
        ("pool", "references"),
    ),
    "musc": _Sheet(
        "MuSc",
        "Judges a part by unlabelled others of its product; no good part has to be named.",
        ("pool", "references"), repository=CLIP,
    ),
    "musc-dinov2": _Sheet(
        "MuSc on DINOv2",
        "MuSc through DINOv2-large instead of CLIP.",
        ("pool", "references"), repository=DINOV2,
    ),
    "april-gan": _Sheet(
        "April-GAN",
        "Compares with sentences on good and faulty parts, and with references where there are any;"
        " names the likely kind of defect. Trained on MVTec AD.",
        ("text", "references"), repository=CLIP, files=("mvtec_pretrained.pth",),
        told=f"mvtec_pretrained.pth, {APRIL_GAN}",
    ),
    "april-gan-visa": _Sheet(
        "April-GAN (VisA)",
        "April-GAN with the layers that were trained on VisA: for parts as in MVTec AD.",
        ("text", "references"), repository=CLIP, files=("visa_pretrained.pth",),
        told=f"visa_pretrained.pth, {APRIL_GAN}",
    ),
    "anomaly-clip": _Sheet(
        "AnomalyCLIP",
        "Tells damaged from whole objects by learned sentences, whatever the product; names the"
        " likely kind of defect.",
        ("text", "references"), repository=CLIP, files=("anomaly_clip.pth",),
        told=ANOMALY_CLIP,
    ),
    "few-shot-bank": _Sheet(
        "Few-shot bank",
        "The plain bank of AnomalyGPT and IAD-GPT, through CLIP.",
        ("references",), ("references",), repository=CLIP,
    ),
    "patch-core": _Sheet(
        "PatchCore",
        "A thinned memory of good parts through Wide ResNet-50; for many references.",
        ("references",), ("references",), files=WIDE_RESNET,
        told="the folder that `hf download timm/wide_resnet50_2.tv_in1k model.safetensors "
        "--local-dir wide_resnet50_2` makes",
    ),
}  # fmt: skip
"""By name in the registry, in the order in which they are offered."""


def offers(
    names: Sequence[str], weights: Path, in_hub_cache: Callable[[str], bool] | None = None
) -> tuple[ExpertOffer, ...]:
    """The experts called `names`, those without a sheet last and by their name alone.

    weights: Settings.expert_weights. in_hub_cache: whether a repository is in the Hugging Face
    cache; asked of that cache's files by default.
    """
    in_hub_cache = in_hub_cache or hub_cached
    known = [name for name in SHEETS if name in names]
    return tuple(
        _offer(name, weights, in_hub_cache)
        for name in [*known, *(name for name in names if name not in SHEETS)]
    )


def uses(name: str) -> tuple[Use, ...]:
    """What an expert makes use of beside the photograph; all of it where that is not known."""
    sheet = SHEETS.get(name)
    return ("references", "pool", "text") if sheet is None else sheet.uses


def _offer(name: str, weights: Path, in_hub_cache: Callable[[str], bool]) -> ExpertOffer:
    sheet = SHEETS.get(name) or _Sheet(name, "", ())
    told = []
    if sheet.files and not any(any(weights.glob(pattern)) for pattern in sheet.files):
        told.append(sheet.told)
    if sheet.repository:
        folder = sheet.repository.rpartition("/")[2]
        if not whole(weights / folder) and not in_hub_cache(sheet.repository):
            told.append(
                f"the folder that `hf download {sheet.repository} --local-dir {folder}` makes"
            )
    problem = (
        f"Its weights are not on this machine. Put into {weights}: {'; '.join(told)}."
        if told
        else ""
    )
    return ExpertOffer(name, sheet.title, sheet.description, sheet.uses, sheet.needs, problem)


def whole(folder: Path) -> bool:
    """Whether a folder looks like a saved model: its configuration and a file of weights."""
    return (folder / "config.json").is_file() and any(
        any(folder.glob(pattern)) for pattern in ("*.safetensors", "pytorch_model*.bin")
    )


def hub_cached(repository: str) -> bool:
    """Whether a repository is in the user's Hugging Face cache, seen from its files."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    found = try_to_load_from_cache(repository, "config.json")
    return isinstance(found, str) and whole(Path(found).parent)
