"""Making and changing a batch."""

from functools import lru_cache

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.domain.zones import iana_zones
from calldron.services import audit, batch_fields, batches, sounds, typed_numbers
from calldron.services.audit import Action
from calldron.services.batch_fields import Draft
from calldron.services.errors import Conflict, FieldError, NotFound
from calldron.services.intros import Intro
from calldron.store.models import Batch
from calldron.web import batch_sheet
from calldron.web.access import actor, allowed, member
from calldron.web.batch_sheet import UNITS, Sheet
from calldron.web.pages.sounds import taken


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Makes one and leads on to its numbers."""
    who = actor(request)
    if request.method != "POST":
        return _page(request, batch_sheet.blank(who.account))
    sheet = batch_sheet.posted(request.POST)
    draft = _draft(request, sheet)
    if sheet.errors:
        return _page(request, sheet)
    try:
        with transaction.atomic():
            (batch,) = batches.create(who.account, [draft])
            audit.note(who, Action.BATCH_CREATED, batch.name)
    except InvalidInput as error:
        return _refused(request, sheet, error)
    messages.success(request, _("“%(name)s” is made. Now the numbers: upload a spreadsheet.") % {"name": batch.name})
    return redirect("batch-import", batch.pk)


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Changes one; the next dial goes by it."""
    who = actor(request)
    batch = batches.get(who.account, batch_id)
    if request.method != "POST":
        return _page(request, batch_sheet.of_batch(batch), batch)
    sheet = batch_sheet.posted(request.POST)
    draft = _draft(request, sheet, batch)
    if sheet.errors:
        return _page(request, sheet, batch)
    try:
        with transaction.atomic():
            changed = batches.update(who.account, batch_id, draft)
            audit.note(who, Action.BATCH_CHANGED, changed.name)
    except (InvalidInput, Conflict) as error:
        return _refused(request, sheet, error, batch)
    messages.success(request, _("“%(name)s” is changed. The next call goes by it.") % {"name": changed.name})
    return redirect("batch", batch_id)


def _draft(request: HttpRequest, sheet: Sheet, batch: Batch | None = None) -> Draft:
    """What the form says; what is wrong with it is in the sheet's errors."""
    fields = batch_sheet.given(sheet)
    for name in {"callback", "from"} & fields.keys():
        fields[name] = typed_numbers.meant(member(request).account, str(fields[name]))
    if batch is not None and batch.dialed:
        del fields["type"]
    errors: list[FieldError] = []
    _take(request, sheet)
    intro = _intro(request, sheet, batch, fields)
    draft = batch_fields.read(member(request).account, fields, errors, batch)
    draft.intro = intro
    sheet.refuse(errors)
    return draft


def _take(request: HttpRequest, sheet: Sheet) -> None:
    """An uploaded sound goes into the library and is chosen there at once, so that it is not lost when the form comes
    back with errors."""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        try:
            sheet.typed["sound"] = str(taken(request, file).pk)
        except InvalidInput as error:
            sheet.errors["intro"] = str(error)


def _intro(request: HttpRequest, sheet: Sheet, batch: Batch | None, fields: dict[str, object]) -> Intro | None:
    """The sound chosen, where it is another than the batch has."""
    chosen = sheet.typed.get("sound", "")
    if chosen == str((batch and batch.intro_id) or ""):
        return None
    if not chosen:
        fields |= {"intro": None, "intro_filename": ""}
        return None
    try:
        sound = sounds.get(member(request).account, int(chosen))
    except (NotFound, ValueError):
        sheet.errors["intro"] = _("This sound is not there any more. Choose another one.")
        return None
    fields["intro_filename"] = sound.filename or sound.name
    return Intro(sound.digest)


def _refused(
    request: HttpRequest, sheet: Sheet, error: InvalidInput | Conflict, batch: Batch | None = None
) -> HttpResponse:
    """It was all right when it was read, and is so no more: somebody else was quicker."""
    messages.error(request, str(error))
    return _page(request, sheet, batch)


def _page(request: HttpRequest, sheet: Sheet, batch: Batch | None = None) -> HttpResponse:
    account = member(request).account
    library = sounds.library(account)
    own = batch.intro_id if batch else None
    if own and own not in [sound.pk for sound in library]:
        library = [sounds.get(account, own), *library]
    context = {
        "sheet": sheet,
        "typed": sheet.typed,
        "errors": sheet.errors,
        "batch": batch,
        "account": account,
        "library": library,
        "own_name": (batch and batch.intro_filename) or _("The sound it has now"),
        "units": [(unit, word) for unit, (_length, word) in UNITS.items()],
        "zones": _zones(),
    }
    return render(request, "web/batch_form.html", context, status=422 if sheet.errors else 200)


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    """Those of places, for the field to propose."""
    return sorted(name for name in iana_zones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/")))


urlpatterns = [
    path("batches/new", new, name="batch-new"),
    path("batches/<int:batch_id>/edit", edit, name="batch-edit"),
]
