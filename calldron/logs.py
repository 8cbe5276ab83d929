"""Logging, alike in every process: structlog over the standard library, one line an event to standard error.

Modules log with ``logging.getLogger(__name__)`` or ``structlog.get_logger(__name__)``; both end here. On a terminal
a line is made for eyes, elsewhere it is JSON. Values under names that hold secrets are masked, so that no mistake at a
call site puts a key into a log.
"""

import logging
import re
import sys
from collections.abc import MutableMapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_NAME = re.compile(r"passw|secret|api_?key|authori[sz]ation|cookie|token|digest", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?i)(\bbasic\s+|\bsips?:[^:@\s]*:|[?&]sig=)[^@\s&\"']+")
MASK = "***"


def configure(level: str = "INFO", *, process: str = "") -> None:
    """Send every log of this process to standard error. ``process`` names it in each line: ``web``, ``dialer``."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    terminal = sys.stderr.isatty()
    last: list[Processor] = (
        # Plain: the usual one prints local variables, and with them passwords.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_secrets, *last],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("django.request").setLevel(logging.ERROR)  # what a client did wrong, the client is told


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: mask values whose name or shape says secret."""
    return _masked(event)


def _masked(values: MutableMapping[str, object]) -> MutableMapping[str, object]:
    for name, value in values.items():
        if _SECRET_NAME.search(name) and value:
            values[name] = MASK
        elif isinstance(value, str):
            values[name] = _SECRET_TEXT.sub(rf"\g<1>{MASK}", value)
        elif isinstance(value, dict):
            values[name] = _masked(dict(value))
    return values


def _named(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if process:
            event["process"] = process
        return event

    return add
