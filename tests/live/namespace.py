"""A network namespace that has only loopback: nothing sent in there reaches a network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

__all__ = ["loopback_only"]

_LOOPBACK_UP = 'ip link set lo up && exec "$@"'


def loopback_only(program: Callable[[str], str]) -> list[str]:
    """The beginning of a command line that runs the rest in a new namespace, as root or with a user namespace.

    Fails where the system allows neither, since what is to run in it must not run outside.
    """
    unshare = [program("unshare"), *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net"]
    inside = [*unshare, "sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; {_LOOPBACK_UP}", "sh"]
    program("ip")
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True)
    if tried.returncode:
        raise AssertionError(
            f"no network namespace can be made here: {tried.stderr.strip()}. Run as root, in a container with "
            "--cap-add=SYS_ADMIN, or allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0)."
        )
    return inside
