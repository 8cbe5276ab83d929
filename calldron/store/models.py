"""The tables. Rows that the dialer claims and writes by the thousand (Call, Attempt, Leg) are touched by raw SQL in
``calldron.store.queue``; everything else goes through these models."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from calldron.domain.access import Access
from calldron.domain.batch import BatchState, BatchType, Confirmation
from calldron.domain.call import CallStatus


class Account(models.Model):
    """Whose batches, calls and recordings these are. Nobody sees another account's."""

    name = models.CharField(max_length=200)
    caller_id = models.CharField(max_length=64, blank=True, default="")
    time_zone = models.CharField(max_length=64, default="Europe/Moscow")
    strict_numbers = models.BooleanField(default=False)
    cps = models.FloatField(default=0, db_default=0)  # calls a second over all its batches; 0: no limit
    channels = models.PositiveIntegerField(default=0, db_default=0)  # legs at once; 0: no limit
    tat = models.FloatField(default=0, db_default=0)  # as a trunk's
    quota_day = models.PositiveIntegerField(default=0, db_default=0)  # dials of one number; 0: no limit
    quota_week = models.PositiveIntegerField(default=0, db_default=0)
    quota_month = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None, account: Account, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), account=account, **fields)
        user.set_password(password)  # None: an unusable password, so the key is the only way in
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person of an account, who signs in by e-mail."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="users")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True, default="", db_default="")
    language = models.CharField(max_length=8, default="ru")
    access = models.CharField(
        max_length=16, choices=[(a, a) for a in Access], default=Access.OWNER, db_default=Access.OWNER.value
    )
    totp_secret = models.CharField(max_length=64, blank=True, default="", db_default="")  # base32; "": not asked for
    totp_counter = models.BigIntegerField(default=0, db_default=0)  # of the last code used: none is taken twice
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"


class ApiKey(models.Model):
    """The account's key. Only the SHA-256 of a random 32-character key is kept: it has nothing to guess."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="api_key")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)


class SignedIn(models.Model):
    """A session of a person, to be shown to them and ended by them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=45, blank=True, default="")
    agent = models.CharField(max_length=200, blank=True, default="")  # of the browser, as it names itself
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()


class Invitation(models.Model):
    """Leave to sign up, by a link that is sent once: only the SHA-256 of its token is kept. Without an ``account`` who
    signs up gets one of their own."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="invitations")
    email = models.EmailField()
    access = models.CharField(max_length=16, choices=[(a, a) for a in Access], default=Access.OWNER)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)


class Guesses(models.Model):
    """Wrong passwords and codes, by what they were tried on: ``user:…`` or ``address:…``."""

    subject = models.CharField(max_length=300, unique=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)


class AuditEntry(models.Model):
    """Who did what in an account. ``action`` is a word of ``calldron.services.audit``, ``subject`` what it was done to
    in words that outlive it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=254)  # e-mail address then, or "api"
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=300, blank=True, default="")
    details = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["account", "-id"], name="audit_of_account"),)


class FirstRun(models.Model):
    """The setup of the installation: one row, from the first look at it until it is over. ``token`` opens it while
    nobody can sign in; "" once there is an owner, who goes on at ``step``."""

    token = models.CharField(max_length=64)
    step = models.CharField(max_length=16)


class TrunkRow(models.Model):
    """A SIP trunk. ``password`` is needed in clear to answer a digest challenge; it is never shown again."""

    name = models.CharField(max_length=64, unique=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=5060)
    transport = models.CharField(max_length=8, default="udp")
    username = models.CharField(max_length=128, blank=True, default="")
    password = models.CharField(max_length=128, blank=True, default="")
    caller_id = models.CharField(max_length=64, blank=True, default="")
    cps = models.FloatField(default=0)
    channels = models.PositiveIntegerField(default=0)
    priority = models.PositiveIntegerField(default=0)  # lower is tried first
    sandbox = models.BooleanField(default=False)
    tat = models.FloatField(default=0)  # GCRA: when its next INVITE is due by its rate, Unix seconds
    strain = models.PositiveSmallIntegerField(default=0, db_default=0)  # how far it is slowed (calldron.domain.strain)
    strain_changed_at = models.DateTimeField(null=True)  # when a refusal raised it last
    strain_until = models.DateTimeField(null=True)
    carried_at = models.DateTimeField(null=True)  # when a call left that reached a callee; kept while it is slowed
    created_at = models.DateTimeField(auto_now_add=True)


class Sound(models.Model):
    """A recorded intro, decoded and levelled: 8 kHz mono signed 16-bit little-endian."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sounds")
    digest = models.CharField(max_length=64)  # SHA-256 of the uploaded bytes
    filename = models.CharField(max_length=255, blank=True, default="")
    name = models.CharField(max_length=200, blank=True, default="", db_default="")  # in the library; "": not in it
    seconds = models.FloatField()
    pcm = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "digest"], name="sound_once_an_account"),)


class Batch(models.Model):
    """A list of calls and how to make them. ``unfinished`` and ``total`` count its calls, kept in the same
    transactions that change them, so that nobody counts a million rows."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="batches")
    name = models.CharField(max_length=200, blank=True, default="")
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=16, choices=[(t, t) for t in BatchType], default=BatchType.BATCH)
    state = models.CharField(max_length=16, choices=[(s, s) for s in BatchState], default=BatchState.FRESH)
    confirmation = models.CharField(max_length=16, choices=[(c, c) for c in Confirmation], default=Confirmation.TIMEOUT)
    confirm_digits = models.CharField(max_length=16, blank=True, default="")  # "": any key
    opt_out_digit = models.CharField(max_length=1, blank=True, default="", db_default="")  # "": none
    time_zone = models.CharField(
        max_length=64, default="Europe/Moscow"
    )  # as given: a Rails or an IANA name, or "callee"
    time_zone_fallback = models.CharField(max_length=64, blank=True, default="", db_default="")  # of "callee"
    days = models.JSONField(default=dict, db_default={})  # hours by weekday, and holidays: calldron.domain.calendar
    minute_from = models.PositiveSmallIntegerField(null=True)  # of the day, wall clock; null: no window
    minute_to = models.PositiveSmallIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    call_delay = models.PositiveIntegerField(default=30)
    retry = models.JSONField(default=dict, db_default={})  # overrides by outcome: calldron.domain.retry
    ring_timeout = models.PositiveSmallIntegerField(default=30)
    cps = models.FloatField(default=0, db_default=0)  # calls a second; 0: no limit of its own
    channels = models.PositiveIntegerField(default=0, db_default=0)  # legs at once; 0: no limit of its own
    tat = models.FloatField(default=0, db_default=0)  # as a trunk's
    timeout_before_intro_callback = models.PositiveIntegerField(default=30)
    callback = models.CharField(max_length=255, blank=True, default="")
    caller_id = models.CharField(max_length=64, blank=True, default="")  # the API's "from"
    intro = models.ForeignKey(Sound, on_delete=models.PROTECT, null=True, related_name="+")
    intro_filename = models.CharField(max_length=255, blank=True, default="")
    record = models.BooleanField(default=True)
    autostart = models.BooleanField(default=True)
    # Of a batch of test calls: the trunk they go over, whatever others there are. No reference: with the trunk gone,
    # none of them goes out.
    only_trunk = models.BigIntegerField(null=True)
    dialed = models.BooleanField(default=False)  # a first INVITE was intended: the type is fixed from here on
    deleting = models.BooleanField(default=False)  # gone for its owner; removed once its calls are down
    total = models.PositiveIntegerField(default=0)
    unfinished = models.PositiveIntegerField(default=0)
    wait_until = models.DateTimeField(null=True)  # nothing of it is due before; null: look again
    served = models.BigIntegerField(default=0)  # turn counter: the batch served longest ago comes first
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["account", "id"], name="batch_of_account"),
            models.Index(
                fields=["wait_until"],
                name="batch_waits",
                condition=models.Q(state="running", deleting=False),
            ),
            models.Index(fields=["id"], name="batch_to_remove", condition=models.Q(deleting=True)),
            models.Index(fields=["id"], name="batch_to_end", condition=models.Q(state="stopped", unfinished__gt=0)),
        )


class Call(models.Model):
    """A number to be reached. Tries of either number are counted here, so that no more than ``attempts`` go out."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="calls", db_index=False)  # call_of_batch
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.CharField(max_length=16)
    suspect = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=[(s, s) for s in CallStatus], default=CallStatus.QUEUED)
    result = models.CharField(max_length=16, null=True)
    final = models.BooleanField(default=False)
    digits = models.CharField(max_length=64, blank=True, default="")
    due_at = models.DateTimeField(null=True)  # null: in an attempt, or final
    held_by = models.CharField(max_length=16, blank=True, default="", db_default="")  # the Rule that moved due_at
    closed_by = models.CharField(max_length=16, blank=True, default="", db_default="")  # the Rule that made it final
    returns = models.PositiveSmallIntegerField(default=0, db_default=0)  # attempts that a trunk refused, not counted
    returned_at = models.DateTimeField(null=True)  # the last of them
    client_dials = models.PositiveSmallIntegerField(default=0)
    operator_dials = models.PositiveSmallIntegerField(default=0)
    cancelled = models.BooleanField(default=False)  # the owner took it back while it was up
    dialed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    talk = models.FloatField(null=True)  # seconds
    recording = models.CharField(max_length=255, blank=True, default="")  # relative path, "": not ready
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["batch", "id"], name="call_of_batch"),
            models.Index(fields=["batch", "due_at", "id"], name="call_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["batch", "held_by"], name="call_held", condition=~models.Q(held_by="")),
            models.Index(fields=["batch", "number"], name="call_of_number"),  # for who looks for one by its digits
            # For counts. Calls never dialled cost it nothing: they are what is left of the count of the batch.
            models.Index(
                fields=["batch", "status", "result", "closed_by"],
                name="call_told",
                condition=~models.Q(status="queued"),
            ),
        )


class Attempt(models.Model):
    """One try at a call, from claim to end, by one node. Open while ``ended_at`` is null; the unique constraint is
    the promise that no two tries at one call overlap. ``channels`` of its trunk are its own meanwhile: two where an
    operator is to be connected, so that nobody who confirmed waits for one."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tries")
    # Of its call, repeated: what open attempts hold of each limit is one look at one index. The call's foreign keys do.
    batch_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    number_of_try = models.PositiveSmallIntegerField()
    node = models.CharField(max_length=64)
    lease = models.BigIntegerField()  # fencing token
    lease_until = models.DateTimeField()
    trunk = models.ForeignKey(TrunkRow, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    channels = models.PositiveSmallIntegerField(default=1)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True, default="")
    result = models.CharField(max_length=16, null=True)
    fault = models.CharField(max_length=16, blank=True, default="")
    sip_code = models.PositiveSmallIntegerField(null=True)
    digits = models.CharField(max_length=64, blank=True, default="")
    talk = models.FloatField(null=True)
    recording = models.CharField(max_length=255, blank=True, default="")
    given_back = models.BooleanField(default=False, db_default=False)  # refused by the trunk: no attempt

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["call"], condition=models.Q(ended_at__isnull=True), name="one_open_attempt_a_call"
            ),
        )
        indexes = (
            models.Index(fields=["lease_until"], name="attempt_lease", condition=models.Q(ended_at__isnull=True)),
            models.Index(
                fields=["trunk", "batch_id", "account_id", "channels"],
                name="attempt_holds",
                condition=models.Q(ended_at__isnull=True),
            ),
            # Figures over time are counted from it alone.
            models.Index(fields=["batch_id", "started_at", "outcome", "result", "talk"], name="attempt_of_batch"),
            models.Index(
                fields=["batch_id", "started_at", "given_back"],
                name="attempt_given_back",
                condition=models.Q(given_back=True),
            ),
            models.Index(
                fields=["ended_at"],
                name="attempt_orphaned",
                condition=models.Q(outcome="unknown", recording=""),
            ),
        )


class LegRow(models.Model):
    """One INVITE: committed before it leaves."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="legs")
    role = models.CharField(max_length=16)
    number = models.CharField(max_length=255)
    trunk = models.ForeignKey(TrunkRow, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    intended_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    refused = models.BooleanField(default=False, db_default=False)  # by the trunk: no dial of the number
    sip_code = models.PositiveSmallIntegerField(null=True)
    q850 = models.PositiveSmallIntegerField(null=True)
    ended_by = models.CharField(max_length=16, blank=True, default="")
    outcome = models.CharField(max_length=16, blank=True, default="")
    fault = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        indexes = (
            models.Index(
                fields=["number", "intended_at"],
                name="leg_dials_of_number",
                condition=models.Q(role="client", refused=False),
            ),
        )


class StopNumber(models.Model):
    """A number that an account never calls. ``source``: who put it there: ``api``, ``csv``, ``cabinet`` or the client
    himself by a key (``opt_out``)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="stop_list", db_index=False)
    number = models.CharField(max_length=16)
    source = models.CharField(max_length=16, default="api")
    comment = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "number"], name="stopped_once_an_account"),)


class ListImport(models.Model):
    """A spreadsheet on its way into a batch, piece by piece, so that it can be watched and goes on where it was left.
    ``reading``: how its cells are taken (``calldron.services.list_reading.Reading``); the counts are of its rows."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="imports")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    filename = models.CharField(max_length=255, blank=True, default="")
    sheet = models.CharField(max_length=255, blank=True, default="")  # of a workbook
    others = models.JSONField(default=list)  # its sheets that are not read
    state = models.CharField(max_length=16, default="upload")  # upload, preview, running, done
    reading = models.JSONField(default=dict)
    starts = models.CharField(max_length=16, blank=True, default="")  # state of the batch that it ends; "": it does not
    total = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    suspect = models.PositiveIntegerField(default=0)  # of those taken
    bad = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    stopped = models.PositiveIntegerField(default=0)  # on the stop list
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)


class ImportPiece(models.Model):
    """Some rows of a spreadsheet: ``[line, cells]``, which are forgotten once it is ``done``. ``mistakes``: what was
    not taken, ``[line, kind, reason, cells]``."""

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    place = models.PositiveIntegerField()
    rows = models.JSONField()
    mistakes = models.JSONField(default=list)
    done = models.BooleanField(default=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["list_import", "place"], name="one_piece_a_place"),)


class NodeRow(models.Model):
    """A run of a dialer process. ``seen_at`` is kept by its leases; one that stopped in good order has no row."""

    name = models.CharField(max_length=128, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)  # up at the last look


class IdempotentAnswer(models.Model):
    """The first answer to a POST with an Idempotency-Key, given again for 24 hours. ``status`` null: in progress."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "key"], name="one_answer_a_key"),)
