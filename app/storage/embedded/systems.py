"""The systems on which the packaged mongod runs, and what a system lacks for it.

Standard library only: `scripts/` ask before anything is installed.
"""

import ctypes
import platform
import re
import shutil
import sys
from typing import Final

OLDEST_GLIBC: Final = (2, 34)

INSTEAD: Final = "set MONGODB_URI to use a MongoDB of your own"

# What the packaged mongod of Linux is linked with, and the packages that bring it.
_LIBRARIES: Final = {
    "libcurl.so.4": ("libcurl4", "libcurl"),
    "libcrypto.so.3": ("libssl3", "openssl-libs"),
    "libssl.so.3": ("libssl3", "openssl-libs"),
}


def find_obstacle() -> str | None:
    """Why no embedded mongod can run here and what to do, in one sentence; None if one may."""
    if not is_packaged():
        return None if shutil.which("mongod") else no_package()
    if sys.platform != "linux":
        return None
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_GLIBC:
        found = f"{library} {version}".strip() or "another C library"
        return (
            f"The embedded MongoDB needs glibc 2.34 or newer, and this system has {found}: use "
            f"Ubuntu 22.04, Debian 12, Fedora 35 or later, or {INSTEAD}."
        )
    missing = [name for name in _LIBRARIES if not _loads(name)]
    if not missing:
        return None
    debian, fedora = (
        " ".join(dict.fromkeys(names))
        for names in zip(*map(_LIBRARIES.__getitem__, missing), strict=True)
    )
    return (
        f"The embedded MongoDB needs {' and '.join(missing)}, which this system lacks: install "
        f"with `apt-get install {debian}` (Debian, Ubuntu) or `dnf install {fedora}` (Fedora), or "
        f"{INSTEAD}."
    )


def is_packaged() -> bool:
    """Whether there is a package with a mongod for this system and processor."""
    machine = platform.machine().lower()
    return sys.platform in {"darwin", "win32"} or (sys.platform == "linux" and machine == "x86_64")


def no_package() -> str:
    """The sentence for a system without one."""
    return (
        f"There is no package with a MongoDB for {platform.system()} on {platform.machine()}: "
        f"put a mongod 6.0 or newer on the PATH, or {INSTEAD}."
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
