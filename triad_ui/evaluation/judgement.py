"""How often yes/no decisions were right: the paper's measures, for the expert and the model alike.

It does not know where decisions come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NONE = float("nan")


@dataclass(frozen=True, slots=True)
class Judgement:
    """How often a yes/no was right; shares of all good or all defective images, 0..1, nan of none.

    One that is undecided is right for neither class: it lowers accuracy, recall and tnr, but not
    precision, since nobody was told that the part is defective. undecided: of both classes;
    undecided_good: of good images alone. recall: of defective. tnr: of good.
    """

    right_defective: int
    defective: int
    right_good: int
    good: int
    undecided: int = 0
    undecided_good: int = 0

    @property
    def recall(self) -> float:
        return self.right_defective / self.defective if self.defective else NONE

    @property
    def tnr(self) -> float:
        return self.right_good / self.good if self.good else NONE

    @property
    def accuracy(self) -> float:
        every = self.defective + self.good
        return (self.right_defective + self.right_good) / every if every else NONE

    @property
    def balanced_accuracy(self) -> float:
        """The mean of recall and tnr; nan where a class is missing."""
        return (self.recall + self.tnr) / 2

    @property
    def precision(self) -> float:
        """How many of those called defective are; nan where none was called."""
        called = self.right_defective + self.good - self.right_good - self.undecided_good
        return self.right_defective / called if called else NONE

    def __add__(self, other: Judgement) -> Judgement:
        """Both sets of images taken together."""
        return Judgement(
            self.right_defective + other.right_defective,
            self.defective + other.defective,
            self.right_good + other.right_good,
            self.good + other.good,
            self.undecided + other.undecided,
            self.undecided_good + other.undecided_good,
        )


def judge(pairs: Iterable[tuple[bool, bool | None]]) -> Judgement:
    """The judgement of (is defective, was called defective); None was undecided."""
    listed = list(pairs)
    return Judgement(
        right_defective=sum(truth and call is True for truth, call in listed),
        defective=sum(truth for truth, _ in listed),
        right_good=sum(not truth and call is False for truth, call in listed),
        good=sum(not truth for truth, _ in listed),
        undecided=sum(call is None for _, call in listed),
        undecided_good=sum(not truth and call is None for truth, call in listed),
    )
