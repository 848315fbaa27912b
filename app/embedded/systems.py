"""Requirements of the packaged mongod on the operating system.

Standard library only: `scripts/` call it before anything is installed.
"""

import ctypes
import platform
import re
import shutil
import sys
from typing import Final

OLDEST_GLIBC: Final = (2, 34)

INSTEAD: Final = (
    "put a mongod 6.0 or newer on the PATH, or set MONGODB_URI to use a MongoDB of your own"
)

# Shared libraries of the packaged mongod on Linux, with their Debian and Fedora packages.
_LIBRARIES: Final = {
    "libcurl.so.4": ("libcurl4", "libcurl"),
    "libcrypto.so.3": ("libssl3", "openssl-libs"),
    "libssl.so.3": ("libssl3", "openssl-libs"),
}


def find_obstacle() -> str | None:
    """The reason why no embedded mongod can run here, with a remedy; None if one can."""
    return None if shutil.which("mongod") else package_obstacle()


def package_obstacle() -> str | None:
    """The reason why the packaged mongod can't run here, with a remedy; None if it can."""
    machine = platform.machine()
    wanted = {"linux": ("x86_64",), "win32": ("amd64",), "darwin": ("x86_64", "arm64")}
    if machine.lower() not in wanted.get(sys.platform, ()):
        return (
            f"There is no package with a MongoDB for {platform.system()} on {machine}: {INSTEAD}."
        )
    if sys.platform != "linux":
        return None
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_GLIBC:
        found = f"{library} {version}".strip() or "another C library"
        return (
            f"The packaged MongoDB needs glibc 2.34 or newer, and this system has {found}: use "
            f"Ubuntu 22.04, Debian 12, Fedora 35 or later, {INSTEAD}."
        )
    missing = [name for name in _LIBRARIES if not _loads(name)]
    if not missing:
        return None
    debian, fedora = (
        " ".join(dict.fromkeys(names))
        for names in zip(*map(_LIBRARIES.__getitem__, missing), strict=True)
    )
    return (
        f"The packaged MongoDB needs {' and '.join(missing)}, which this system lacks: install "
        f"with `apt-get install {debian}` (Debian, Ubuntu) or `dnf install {fedora}` (Fedora), "
        f"{INSTEAD}."
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
