"""What `twistd rustalk` needs: the command-line options and the service made of them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from twisted.application.service import IService, MultiService
from twisted.logger import Logger
from twisted.python import usage

from rustalk.certificates.files import unreadable
from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.config.problem import ConfigError
from rustalk.observe.log import environment_observer
from rustalk.store.journal import JournalBusyError
from rustalk.store.migrate import SchemaError
from rustalk.store.session import InUseError
from rustalk.store.store import StoreError
from rustalk.store.vault import VaultError
from rustalk.transport.errors import ListenError
from rustalk.transport.material import MaterialError

__all__ = ["Options", "makeService"]

_log = Logger()


class Options(usage.Options):
    """The options. Once parsed, ``settings`` are the checked settings and ``source`` the file or None.

    A configuration that cannot be used ends the program with exit code 1 and every problem on standard error: twistd
    itself would print its own help and exit with 0.
    """

    longdesc = "RusTalk, a session border controller for Microsoft Teams Direct Routing."

    settings = Settings()
    source: str | None = None
    is_daemon = False

    def opt_config(self, path: str) -> None:
        """The configuration, a JSON file. Without one the switch starts on safe defaults."""
        self.source = path

    opt_c = opt_config

    def postOptions(self) -> None:
        """Read the configuration; choose the log and no pid file, unless twistd was told otherwise."""
        try:
            if self.source is not None:
                self.settings = load(Path(self.source).read_text(encoding="utf-8"), self.source, now=datetime.now(UTC))
                missing = tuple(unreadable(self.settings))
                if missing:
                    raise ConfigError(self.source, missing)
            environment_observer()
        except OSError as error:
            raise SystemExit(
                f"{self.source} cannot be read: {error.strerror}. `rustalk generate-config` writes one."
            ) from None
        except UnicodeDecodeError as error:
            raise SystemExit(f"{self.source} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
        except (ConfigError, ValueError) as error:
            raise SystemExit(str(error)) from None
        self._set_up_twistd()

    def _set_up_twistd(self) -> None:
        twistd: dict[str, Any] | None = getattr(self, "parent", None)
        if twistd is None:
            return
        self.is_daemon = not twistd.get("nodaemon")
        if not (self.is_daemon or twistd.get("logger") or twistd.get("logfile") or twistd.get("syslog")):
            twistd["logger"] = "rustalk.observe.log.environment_observer"
        if twistd.get("nodaemon") and twistd.get("pidfile") == "twistd.pid":
            # A pid file that outlives a kill -9 would stop the next start; in the foreground nobody needs it.
            twistd["pidfile"] = ""


class _Program(MultiService):
    """The switch as twistd runs it: what the operator has to mend ends the program with one line, not a traceback.

    A daemon must raise an Exception instead: twistd hands it to the process that the operator waits for.
    """

    is_daemon = False

    def startService(self) -> None:
        """Start. Exits with 1, or raises ListenError as a daemon, when an address cannot be had."""
        untyped: Any = super()
        try:
            untyped.startService()
        except ListenError as error:
            _log.critical("RusTalk cannot start: {error}", error=error)
            if self.is_daemon:
                raise
            raise SystemExit(1) from None


def makeService(options: Options) -> IService:
    """The switch as a service that does everything when started.

    Raises SystemExit with the cause when a certificate or the state directory cannot be used.
    """
    from twisted.internet import reactor

    from rustalk.app import build

    make_program: Any = _Program
    program = make_program()
    program.is_daemon = options.is_daemon
    _tell(options)
    try:
        program.addService(build(options.settings, reactor, None if options.is_daemon else _show))
    except (
        ConfigError,
        InUseError,
        JournalBusyError,
        MaterialError,
        SchemaError,
        StoreError,
        VaultError,
        ValueError,
    ) as error:
        raise SystemExit(f"RusTalk cannot start: {error}") from None
    except OSError as error:
        raise SystemExit(
            f"RusTalk cannot start: {error.filename}: {error.strerror}; "
            "check server.state_directory and who may write there"
        ) from None
    return cast("IService", program)


def _show(text: str) -> None:
    """Show something to the person at the terminal; the log, which twistd makes of sys.stderr, never sees it."""
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{text}\n")
        sys.__stderr__.flush()


def _tell(options: Options) -> None:
    for warning in options.settings.warnings:
        _log.warn("Configuration: {warning}", warning=warning)
    if options.source is None:
        _tell_defaults(options.settings)


def _tell_defaults(settings: Settings) -> None:
    _log.info("No configuration was given: starting on safe defaults, reachable from this machine only.")
    for profile in settings.profiles:
        _log.info(
            "Default: SIP over {protocols} on {address} port {port} (sip_profiles).",
            protocols=", ".join(profile.protocols),
            address=profile.bind_address,
            port=profile.bind_port,
        )
    _log.info(
        "Default: audio on UDP ports {low} to {high} (media.ports).",
        low=settings.media.ports[0],
        high=settings.media.ports[1],
    )
    _log.info(
        "Default: what is written at run time goes to {path} (server.state_directory).",
        path=settings.server.state_directory,
    )
    _log.info("Default: no trunk, no Teams, no route: every call is refused (trunks, teams, routing.routes).")
    _log.info("Next: `rustalk generate-config -o rustalk.json`, edit it, `rustalk start -c rustalk.json`.")
