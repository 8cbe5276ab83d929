"""What the API reference says: every operation of ``/v1``, by subject, short, with a request that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calldron.web.samples import FileBody, InBase64


@dataclass(frozen=True, slots=True)
class Operation:
    """``path`` has ``{batch_id}``, ``{call_id}`` and ``{number}`` in it, as the OpenAPI document spells it."""

    name: str
    title: Promise
    text: Promise
    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    saved_as: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Operations of one subject."""

    name: str
    title: Promise
    text: Promise
    operations: tuple[Operation, ...]


_BATCH = "/v1/batches/{batch_id}"
_CALL = _BATCH + "/calls/{call_id}"

SECTIONS = (
    Section(
        "batches",
        _("Batches"),
        _(
            "A batch is a list of calls and how to make them. Its type is batch (a list within hours), instant (each "
            "call at once) or callback (operator first, then the client)."
        ),
        (
            Operation(
                "create_batches",
                _("Create batches"),
                _(
                    "One, or a list of up to 1,000: all or none. The intro is an mp3, wav or ogg file in Base64. With "
                    "autostart, on unless you say false, it starts with its first calls."
                ),
                "POST",
                "/v1/batches",
                {
                    "name": "Reminders",
                    "type": "instant",
                    "confirmation": "dtmf",
                    "intro": InBase64("intro.mp3"),
                    "intro_filename": "intro.mp3",
                },
                {"Idempotency-Key": "reminders-2026-11-28"},
            ),
            Operation(
                "list_batches",
                _("List batches"),
                _(
                    "Oldest first; limit and offset page through them, and the header X-Total-Count says how many "
                    "there are."
                ),
                "GET",
                "/v1/batches",
                query="?limit=10",
            ),
            Operation("show_batch", _("Show a batch"), _("As it is now, with its state."), "GET", _BATCH),
            Operation(
                "update_batch",
                _("Change a batch"),
                _("Only the fields it carries change; the next dial goes by them."),
                "PUT",
                _BATCH,
                {"attempts": 3, "call_delay": 600, "cps": 0.5},
            ),
            Operation(
                "start_batch", _("Start a batch"), _("Lets one that was never started dial."), "POST", _BATCH + "/start"
            ),
            Operation(
                "pause_batch",
                _("Pause a batch"),
                _("No further call goes out; those that are up go on."),
                "POST",
                _BATCH + "/pause",
            ),
            Operation(
                "resume_batch", _("Resume a batch"), _("Goes on with one that is paused."), "POST", _BATCH + "/resume"
            ),
            Operation(
                "show_stats",
                _("Figures of a batch"),
                _("Calls by status and result, rates, and a series over time; step is minute, hour or day."),
                "GET",
                _BATCH + "/stats",
                query="?step=hour",
            ),
            Operation(
                "explain_batch",
                _("Why it isn't dialling"),
                _("The rule that holds it now, in words and as a code, and how many calls each rule holds."),
                "GET",
                _BATCH + "/why",
            ),
        ),
    ),
    Section(
        "calls",
        _("Calls"),
        _(
            "A call is a number to be reached. It is final once nothing more happens to it: status says how its last "
            "attempt ended, result what it achieved."
        ),
        (
            Operation(
                "create_calls",
                _("Add calls"),
                _("One, or a list of up to 250,000: all or none. Numbers in any spelling; they come back as E.164."),
                "POST",
                _BATCH + "/calls",
                [{"phone_number": "+79991111102"}, {"phone_number": "8 (999) 000-40-05"}],
                {"Idempotency-Key": "list-1"},
            ),
            Operation(
                "list_calls",
                _("List calls"),
                _("Oldest first, with limit and offset."),
                "GET",
                _BATCH + "/calls",
                query="?limit=100",
            ),
            Operation(
                "show_call",
                _("Show a call"),
                _("Ask until final is true. record_link then opens the recording for a day, without a key."),
                "GET",
                _CALL,
            ),
            Operation(
                "explain_call",
                _("Why it isn't dialled"),
                _("The rule that holds it, or how it ended, and when it may go out."),
                "GET",
                _CALL + "/why",
            ),
            Operation(
                "list_attempts",
                _("Attempts"),
                _("Every attempt leg by leg: times to the millisecond, SIP codes, whose fault it was."),
                "GET",
                _CALL + "/attempts",
            ),
            Operation(
                "get_recording",
                _("Recording"),
                _("Both sides as one mp3, also in part (Range). 404 until it is there."),
                "GET",
                _CALL + "/record.mp3",
                saved_as="record.mp3",
            ),
            Operation(
                "cancel_call",
                _("Take a call back"),
                _("One that waits is over at once, one that is up is hung up; 409 where it was over before."),
                "DELETE",
                _CALL,
            ),
        ),
    ),
    Section(
        "endings",
        _("The end of a batch"),
        _("Stopping keeps what there is; removing does not."),
        (
            Operation(
                "stop_batch",
                _("Stop a batch"),
                _("For good: calls that wait become canceled, those that are up may finish."),
                "POST",
                _BATCH + "/stop",
            ),
            Operation(
                "delete_batch",
                _("Remove a batch"),
                _("With its calls and recordings; calls that are up are hung up."),
                "DELETE",
                _BATCH,
            ),
        ),
    ),
    Section(
        "stop-list",
        _("Stop list"),
        _("Numbers that the account never calls. Clients get there by themselves with the key of opt_out_digit."),
        (
            Operation(
                "add_stops",
                _("Add numbers"),
                _("One or up to 250,000, with a comment or without; those that are known stay as they are."),
                "POST",
                "/v1/stop-list",
                [{"number": "+79997778855", "comment": "asked by e-mail"}],
            ),
            Operation(
                "import_stops",
                _("Add a CSV file"),
                _("The number in the first column, a comment in the second."),
                "POST",
                "/v1/stop-list.csv",
                FileBody("numbers.csv", "text/csv"),
            ),
            Operation(
                "list_stops",
                _("List the stop list"),
                _("In the order of numbers; number looks one up in any spelling."),
                "GET",
                "/v1/stop-list",
                query="?limit=100",
            ),
            Operation(
                "export_stops",
                _("Fetch it as CSV"),
                _("The whole list."),
                "GET",
                "/v1/stop-list.csv",
                saved_as="stop-list.csv",
            ),
            Operation(
                "show_stop",
                _("Look a number up"),
                _("404 where it is not on the list."),
                "GET",
                "/v1/stop-list/{number}",
            ),
            Operation(
                "remove_stop",
                _("Take a number off"),
                _("Calls to come may reach it again; calls that ended because of it stay ended."),
                "DELETE",
                "/v1/stop-list/{number}",
            ),
            Operation(
                "remove_stops",
                _("Take several off"),
                _("Numbers that are not on it are no mistake."),
                "POST",
                "/v1/stop-list/remove",
                ["+79997778855", "+79997778856"],
            ),
        ),
    ),
    Section(
        "account",
        _("Account"),
        _("What holds for all batches."),
        (
            Operation("root", _("Who am I"), _("The version, the account, and where to go on."), "GET", "/v1/"),
            Operation("show_account", _("Show the account"), _("With its limits and quotas."), "GET", "/v1/account"),
            Operation(
                "update_account",
                _("Change the account"),
                _("Quotas say how often one number may be dialled a day, a week, a month; 0 is no limit."),
                "PUT",
                "/v1/account",
                {"time_zone": "Europe/Moscow", "quota_day": 3},
            ),
        ),
    ),
)
