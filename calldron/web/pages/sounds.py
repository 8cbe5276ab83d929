"""The library of sounds: upload, record, hear, see."""

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calldron import byte_ranges
from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import audit, sounds
from calldron.services.audit import Action
from calldron.store.models import Sound
from calldron.web.access import actor, allowed, member
from calldron.web.paging import Pages

PAGE = 20

_WAV = {"Content-Type": "audio/wav", "Accept-Ranges": "bytes", "Content-Disposition": 'inline; filename="sound.wav"'}


@allowed(Access.VIEWER)
@require_http_methods(["GET", "HEAD"])
def library(request: HttpRequest) -> HttpResponse:
    """What there is, and by whom it is played."""
    return _page(request)


@allowed(Access.OPERATOR)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Takes a file in."""
    file = request.FILES.get("sound")
    if not isinstance(file, UploadedFile):
        return _page(request, _("Choose a file, or record one."))
    try:
        sound = taken(request, file)
    except InvalidInput as error:
        return _page(request, str(error))
    messages.success(request, _("“%(name)s” is in the library.") % {"name": sound.name})
    return redirect("sounds")


def taken(request: HttpRequest, file: "UploadedFile[bytes]") -> Sound:
    """The sound of a file that came with a request, in the library. Raises ``InvalidInput``."""
    who = actor(request)
    sound = sounds.add(who.account, file)
    audit.note(who, Action.SOUND_ADDED, sound.name)
    return sound


def _page(request: HttpRequest, error: str = "") -> HttpResponse:
    pages = Pages.asked(request, PAGE)
    found, pages.total = sounds.page(member(request).account, limit=PAGE, offset=pages.offset)
    context = {"entries": found, "pages": pages, "error": error}
    return render(request, "web/sounds.html", context, status=422 if error else 200)


@allowed(Access.OPERATOR)
@require_POST
def rename(request: HttpRequest, sound_id: int) -> HttpResponse:
    """Gives one another name."""
    who = actor(request)
    try:
        with transaction.atomic():
            before = sounds.get(who.account, sound_id).name
            after = sounds.rename(who.account, sound_id, request.POST.get("name", "")).name
            if after != before:
                audit.note(who, Action.SOUND_RENAMED, f"{before} → {after}", {"from": before, "to": after})
    except InvalidInput as error:
        messages.error(request, str(error))
    return redirect("sounds")


@allowed(Access.OPERATOR)
@require_POST
def remove(request: HttpRequest, sound_id: int) -> HttpResponse:
    """Takes one out of the library."""
    who = actor(request)
    with transaction.atomic():
        sound = sounds.remove(who.account, sound_id)
        audit.note(who, Action.SOUND_REMOVED, sound.name)
    messages.success(request, _("“%(name)s” is out of the library.") % {"name": sound.name})
    return redirect("sounds")


@allowed(Access.VIEWER)
@require_safe
def audio(request: HttpRequest, sound_id: int) -> HttpResponse:
    """The sound as a telephone line carries it, whole or a range of it."""
    sound = sounds.get(member(request).account, sound_id)
    kept = _kept(f'"{sound.digest}"')
    if byte_ranges.is_known(request.headers, kept["ETag"]):
        return HttpResponse(status=304, headers=kept)
    size = sounds.size(sound)
    part = byte_ranges.asked(request.headers, size, kept["ETag"]) if request.method == "GET" else None
    if part is None:
        return HttpResponse(sounds.wav(sound, range(size), size), headers=kept | _WAV)
    if not part:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    where = {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}"}
    return HttpResponse(sounds.wav(sound, part, size), status=206, headers=kept | _WAV | where)


@allowed(Access.VIEWER)
@require_safe
def waveform(request: HttpRequest, sound_id: int) -> HttpResponse:
    """What its waveform is drawn from."""
    sound = sounds.get(member(request).account, sound_id)
    kept = _kept(f'"{sound.digest}-{sounds.BARS}"')
    if byte_ranges.is_known(request.headers, kept["ETag"]):
        return HttpResponse(status=304, headers=kept)
    return JsonResponse({"seconds": sound.seconds, "bars": sounds.waveform(sound)}, headers=kept)


def _kept(etag: str) -> dict[str, str]:
    """A sound never changes, but who signs out may not leave it to the next one at this browser."""
    return {"ETag": etag, "Cache-Control": "private, no-cache"}


urlpatterns = [
    path("sounds/", library, name="sounds"),
    path("sounds/add", add, name="sound-add"),
    path("sounds/<int:sound_id>/rename", rename, name="sound-rename"),
    path("sounds/<int:sound_id>/remove", remove, name="sound-remove"),
    path("sounds/<int:sound_id>.wav", audio, name="sound-audio"),
    path("sounds/<int:sound_id>.json", waveform, name="sound-waveform"),
]
