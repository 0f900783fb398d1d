"""Every error that a person may see, as one tree.

A message states the fact and then the remedy, in words fit for an inspector:
"The image has 240 million pixels; at most 120 million are read. Crop it or save it smaller."
Whatever is not a `TriadError` is a defect of ours and is shown as an apology with a reference id.

    TriadError
    ├── SettingsError       a flag, variable or file has a value that cannot be used
    ├── ImageError          bytes that are not a picture we read, or one that is too large or broken
    ├── ExpertError         the anomaly expert cannot score these pictures
    ├── RegionError         regions that a person drew: too many, too small or outside the photo
    ├── ProcessError        a manufacturing process that is empty, malformed or unknown
    ├── WeightsError        base weights that could not be fetched or verified
    ├── ModelError          the language model failed
    │   ├── ModelNotReady   it is loading, or could not be loaded
    │   └── PromptTooLong   the conversation does not fit; carries the token counts
    ├── StoreError          the database or the image store
    │   ├── NotSaved        nothing was written; what was typed is kept where it was typed
    │   └── NotFound        no such inspection, turn or image
    ├── EvaluationError     a data set cannot be used, or nothing in it could be scored
    └── TrainingError       a training run cannot go on
"""


class TriadError(Exception):
    """A fact and its remedy, in one or two sentences that can be shown to a user."""


class SettingsError(TriadError):
    """A flag, an environment variable or the settings file holds an unusable value."""


class ImageError(TriadError):
    """The bytes are no picture that is read here, or the picture is too large or damaged."""


class ExpertError(TriadError):
    """The anomaly expert cannot score these pictures."""


class RegionError(TriadError):
    """Regions drawn by a person are too many, too small or outside the photo."""


class ProcessError(TriadError):
    """A manufacturing process is empty, malformed or unknown."""


class WeightsError(TriadError):
    """Base weights could not be fetched, verified or read."""


class ModelError(TriadError):
    """The language model failed while loading or answering."""


class ModelNotReady(ModelError):
    """The language model is still loading or could not be loaded; heat maps work without it."""


class PromptTooLong(ModelError):
    """The conversation has more tokens than the model reads.

    tokens: how many the conversation has. limit: how many fit.
    """

    def __init__(self, message: str, *, tokens: int, limit: int) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit


class StoreError(TriadError):
    """The database or the image store cannot be used."""


class NotSaved(StoreError):
    """Nothing was written; the caller keeps what was entered."""


class NotFound(StoreError):
    """No such inspection, turn, image or process version."""


class EvaluationError(TriadError):
    """A data set is missing, malformed or without a photograph that could be scored."""


class TrainingError(TriadError):
    """A training run cannot start or go on."""
