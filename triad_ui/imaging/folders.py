"""Folders of pictures on this machine that a person may name, all below one root.

What lies outside the root is never read, neither by `..`, nor through a symbolic link, nor when a
folder is put in another's place meanwhile: the file that is open is the one that is judged.
Only regular files with a picture's suffix are read; what cannot be is named, and the rest goes on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from triad_ui.errors import ImageError
from triad_ui.imaging.decode import MAX_BYTES

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MOST_FOLDERS = 500
"""Folders that are listed; any other can still be named."""
MOST_VISITED = 20_000
UNSET = (
    "Folders on this machine cannot be named here yet. Start the program with --image-root FOLDER "
    "(or TRIAD_IMAGE_ROOT); folders below it can then be named. Or upload the pictures."
)


def find_folder(root: Path | None, name: str) -> Path:
    """The real path of the folder `name`, relative to the root or absolute but below it.

    ImageError, which tells nothing of what is outside the root, when it cannot be used.
    """
    if root is None:
        raise ImageError(UNSET)
    real_root = _real(root)
    if real_root is None:
        raise ImageError(f"The folder {root} of --image-root is not there. Name another one.")
    wanted = name.strip()
    refused = ImageError(
        f"There is no folder {wanted[:200]!r} below {root}. Name one by its path from there."
    )
    if "\0" in wanted:
        raise refused
    found = _real(real_root / wanted)
    if found is None or not found.is_relative_to(real_root) or not found.is_dir():
        raise refused
    return found


def folders_below(root: Path | None) -> tuple[str, ...]:
    """Folders that hold pictures, as paths from the root with slashes; "." is the root itself.

    At most MOST_FOLDERS, by name; () without a root. Links and hidden folders are not followed.
    """
    real_root = _real(root) if root is not None else None
    if real_root is None:
        return ()
    found: list[str] = []
    for visited, (folder, inside, files) in enumerate(os.walk(real_root)):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        if any(_is_picture(name) for name in files):
            found.append(Path(folder).relative_to(real_root).as_posix())
        if len(found) == MOST_FOLDERS or visited == MOST_VISITED:
            break
    return tuple(found)


def pictures_below(folder: Path) -> Iterator[Path]:
    """The picture files in a folder and in those below it, by name; hidden ones are left out.

    folder: from `find_folder`. Links to folders are not followed; links to files are given, for
    `read_below` to judge.
    """
    for where, inside, files in os.walk(folder):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if _is_picture(name))


def read_below(root: Path, path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file below the root. ImageError says why it is not read.

    max_bytes: a longer file is refused before it is read.
    """
    real_root, real = _real(root), _real(path)
    if real is None or real_root is None or not real.is_relative_to(real_root):
        raise ImageError(f"{path.name} leads out of the folder. Copy the picture into it.")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(real, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ImageError(f"{path.name} is no ordinary file. Copy the picture into the folder.")
        if not _still_below(handle, real_root):
            raise ImageError(f"{path.name} was moved while it was read. Name the folder again.")
        if found.st_size > max_bytes:
            raise ImageError(
                f"{path.name} has {found.st_size / 1e6:.0f} MB; at most {max_bytes / 1e6:.0f} MB "
                "are read. Crop the picture or compress it."
            )
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)


def _still_below(handle: int, real_root: Path) -> bool:
    """Whether the open file is below the root, where the system can say so of an open file."""
    link = Path(f"/proc/self/fd/{handle}")
    if not link.exists():
        return True
    return Path(os.readlink(link)).is_relative_to(real_root)


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # absent, forbidden, a circle of links, a NUL
        return None


def _unreadable(path: Path, error: OSError) -> ImageError:
    return ImageError(
        f"{path.name} cannot be read ({error.strerror}). Check its permissions and the disk."
    )
