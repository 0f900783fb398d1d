"""What a free answer says: whether it claims or denies a defect, and whether it reads well.

Plain rules over English words, the same for every model; place, kind and step are found by
`dialogue.verdict`. It does not know models or truth.
"""

from __future__ import annotations

import re
from collections import Counter

from triad_ui.dialogue.verdict import DEFECT_KINDS
from triad_ui.records import Label

_KINDS = "|".join(
    rf"{re.escape(kind)}(?:e?s|ed|ped)?" for kind in sorted(DEFECT_KINDS, key=len, reverse=True)
)
_CLAIM = re.compile(
    rf"\b(?:{_KINDS}|defects?|defective|faults?|faulty|flaws?|flawed|damaged?|anomal\w+|broken|"
    r"wrong|missing|contradicts?|rejected|reject|differs|disagrees|unacceptable)\b"
)
_NEGATION = re.compile(
    r"\b(?:no|not|without|never|nothing|none|nowhere|neither|nor|cannot|any|free of|free from|"
    r"\w+n't)\b"
)
_REACH = 5
"""Words over which a negation reaches: "no visible scratch or crack" denies both."""
_DENIALS = re.compile(
    r"\bno (?:visible |obvious |apparent |clear )?(?:defects?|faults?|flaws?|anomal\w+|damage)\b"
    r"|\bnothing (?:is |looks |seems )?(?:wrong|amiss|special)\b"
    r"|\bnot (?:defective|faulty|damaged)\b"
    r"|\b(?:don't|do not|cannot|can't) (?:see|find) (?:any|a) (?:defect|fault|flaw|damage)"
    r"|\bfree (?:of|from) (?:any )?(?:defects?|faults?|flaws?|damage)\b"
    r"|\bno reason to reject\b"
    r"|\bpart (?:is|looks|seems) (?:good|fine|acceptable|sound|normal|flawless)\b"
)
_MODEST = re.compile(r"\b(?:can|may|might|could) be (?:wrong|mistaken)\b")
_REST = re.compile(r"\b(?:rest|otherwise|elsewhere|everything else|other than|apart from)\b")
_WORD = re.compile(r"[\w'%-]+")
_ENDS = re.compile(r"[.!?…][\"'”’)\]]*$")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, lower case; a line's end is a sentence's end."""
    return [part.strip() for part in _SENTENCE.split(text.lower()) if part.strip()]


def claims_defect(text: str) -> bool:
    """Whether any sentence says that there is a defect: it names one and does not deny it."""
    return any(_claimed(sentence) for sentence in sentences(text.replace("’", "'")))


def denies_defect(text: str) -> bool:
    """Whether a sentence says of the part as a whole that it has no defect."""
    return any(
        _DENIALS.search(sentence) is not None and _REST.search(sentence) is None
        for sentence in sentences(text.replace("’", "'"))
    )


def loops(text: str) -> bool:
    """Whether an answer repeats itself: a sentence twice, a phrase three times on end, or any five
    words three times."""
    words = _WORD.findall(text.lower())
    long = [" ".join(found) for s in sentences(text) if len(found := _WORD.findall(s)) >= 3]
    if len(long) != len(set(long)):
        return True
    fives = Counter(tuple(words[i : i + 5]) for i in range(len(words) - 4))
    if any(count >= 3 for count in fives.values()):
        return True
    return any(
        words[i : i + n] == words[i + n : i + 2 * n] == words[i + 2 * n : i + 3 * n]
        for n in range(1, 9)
        for i in range(len(words) - 3 * n + 1)
    )


def cut_off(text: str) -> bool:
    """Whether an answer breaks off: no full stop at its end, or a bracket left open."""
    text = text.strip()
    return _ENDS.search(text) is None or text.count("(") > text.count(")")


def contradicts(text: str, label: Label) -> bool:
    """Whether words and verdict disagree, or the words disagree among themselves.

    A defective verdict is contradicted by words that deny a defect and claim none, a normal one by
    words that claim one, and every one by words that do both.
    """
    claims, denies = claims_defect(text), denies_defect(text)
    if claims and denies:
        return True
    return denies if label == "defective" else claims if label == "normal" else False


def reading_faults(text: str, label: Label) -> tuple[str, ...]:
    """Why an answer does not read well: of "empty", "loop", "cut off", "contradiction"; () if it
    does."""
    if not text.strip():
        return ("empty",)
    found = {
        "loop": loops(text),
        "cut off": cut_off(text),
        "contradiction": contradicts(text, label),
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _claimed(sentence: str) -> bool:
    if sentence.endswith("?"):
        return False
    sentence = _MODEST.sub("", sentence)  # of the answer itself, not of the part
    for match in _CLAIM.finditer(sentence):
        before = sentence[: match.start()]
        clause = re.split(r"[,;:]| but ", before)[-1]
        near = " ".join(clause.split()[-_REACH:])
        if _NEGATION.search(near) is None:
            return True
    return False
