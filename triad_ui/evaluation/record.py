"""What was measured, appended to a file as it comes, so that a run that was cut off goes on.

One JSON object a line with a `key`, the digest of all that the measurement depends on: whatever
changed has another key and is measured anew. A line that was cut off is passed over. Several runs
may append to one file. It does not know what is measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triad_ui.errors import EvaluationError


def digest(*parts: object) -> str:
    """One name for all of `parts` (texts, numbers, lists, None), hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class Record:
    """A file of measurements. EvaluationError when it cannot be read or written, or is no record.

    path: made when something is first put in.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        self._torn = False
        self._read()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[str]:
        """The keys, in the order of the file."""
        return iter(tuple(self._known))

    def get(self, key: str) -> dict[str, Any] | None:
        """What was put in under that key, in this run or an earlier one."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: str, values: dict[str, Any]) -> None:
        """Append what JSON can hold; it is on disk when this returns."""
        line = json.dumps({"key": key, **values}) + "\n"
        with self._lock:
            self._known[key] = values
            data = (b"\n" if self._torn else b"") + line.encode()
            self._torn = False
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                try:
                    os.write(handle, data)  # whole, so that two runs do not mix their lines
                finally:
                    os.close(handle)
            except OSError as error:
                raise EvaluationError(
                    f"The record {self.path} cannot be written ({error.strerror}). Make room or "
                    "name another file with --record."
                ) from error

    def remove(self) -> None:
        """Delete the file, once all that was measured has been told elsewhere."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise EvaluationError(
                f"The record {self.path} cannot be read ({error.strerror}). Name another file "
                "with --record."
            ) from error
        self._torn = bool(data) and not data.endswith(b"\n")
        lines = [line for line in data.split(b"\n") if line.strip()]
        for line in lines:
            try:
                values = json.loads(line)
                self._known[values.pop("key")] = values
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
        if lines and not self._known and len(lines) > 1:
            raise EvaluationError(
                f"{self.path} is not a record of an evaluation. Name another file with --record, "
                "so that nothing of yours is changed."
            )
