"""How much a form may carry. Django bounds what is kept in memory, not the files that it writes down meanwhile."""

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput


class Bounded(FileUploadHandler):
    """Of a form that is too large the files are passed over, so that its page can say so."""

    def handle_raw_input(self, _input: object, _meta: object, content_length: int, *_rest: object) -> None:
        """Look at its size; others read it."""
        self._too_large = content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def new_file(self, *_args: object, **_named: object) -> None:
        """Take the file, or go through the rest of the form without keeping it."""
        if self._too_large:
            raise StopUpload

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand it on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """It is for others to keep."""


def file(request: HttpRequest, name: str) -> "UploadedFile[bytes] | None":
    """The file of this field; ``None`` where none was chosen. Raises ``InvalidInput`` where it was too large."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
        raise InvalidInput(_("The file is larger than %(megabytes)d MB.") % {"megabytes": megabytes})
    found = request.FILES.get(name)
    return found if isinstance(found, UploadedFile) else None
