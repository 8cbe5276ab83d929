"""Finished recordings on the disk."""

from typing import BinaryIO

from django.utils.translation import gettext as _

from calldron.config import config
from calldron.services.errors import NotFound
from calldron.store.models import Call


def open_recording(call: Call) -> BinaryIO:
    """The call's mp3, open for reading. Raises ``NotFound`` until there is one. The path comes from the dialer, and is
    kept inside the recordings' folder all the same."""
    folder = config().recordings.resolve()
    path = (folder / call.recording).resolve()
    if call.recording and path.is_relative_to(folder) and path.is_file():
        return path.open("rb")
    raise NotFound(_("Call %(id)d has no recording.") % {"id": call.pk})
