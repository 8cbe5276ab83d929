"""One leg of a call: its signalling and its media, told as one story."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from calldron.dialer.ports import DialRequest
from calldron.domain.events import Answered, Digit, Ended, Heard, LegEvent, Played, Ringing
from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.invitation import Invitation
from calldron.engines.sip.outbound import OutboundCall
from calldron.engines.sip.pacer import Pacer
from calldron.media import sdp
from calldron.media.client import MediaServer, MediaSession
from calldron.media.errors import MediaUnavailable, UnknownPrompt
from calldron.media.events import DigitPressed, MediaEvent, PromptPlayed, SessionLost, VoiceHeard
from calldron.media.sdp import Description, SdpError

SAME_KEY: Final = 0.3
"""Seconds within which a key that comes by RTP and by INFO is one press."""

log = logging.getLogger(__name__)


class SipLeg:
    """Implements ``Leg``. ``run`` is its coroutine, which always ends with ``Ended``."""

    def __init__(
        self,
        agent: UserAgent,
        media: MediaServer,
        pacer: Pacer,
        now: Callable[[], float],
        request: DialRequest,
        emit: Callable[[LegEvent], None],
    ) -> None:
        self._agent = agent
        self._media = media
        self._pacer = pacer
        self._now = now
        self._request = request
        self._role = request.role
        self._emit = emit
        self._call: OutboundCall | None = None
        self._session: MediaSession | None = None
        self._ours: Description | None = None
        self._hung_up = asyncio.Event()  # by us, perhaps before there was a call
        self._lost = False  # the media process left us
        self._rang = False
        self._answered = False
        self._playing = False
        self._listening = False
        self._over = False
        self._departed = asyncio.Event()
        self._pressed: dict[str, tuple[str, float]] = {}  # by key: the way it came and when

    # ------------------------------------------------------------ the story

    async def run(self) -> None:
        """Dial, and stay until the leg is over and its media released."""
        ending = await self._dialled()
        if self._session is not None:
            await self._session.close()
        if self._listening:
            self._heard(0.0)  # what was measured went down with the media process
        self.end(ending)

    def end(self, ending: Ending) -> None:
        """Tell the end, once."""
        self._departed.set()
        if not self._over:
            self._over = True
            self._emit(Ended(self._role, ending))

    async def _dialled(self) -> Ending:
        invitation = self._invitation()
        addresses = await self._agent.media_addresses(invitation)
        if self._hung_up.is_set():
            return Ending(EndedBy.LOCAL, sent=False)
        if addresses is None:
            return Ending(EndedBy.SILENCE, sent=False)
        bind, announced = addresses
        try:
            self._session = await self._media.open(bind, self._on_media)
        except MediaUnavailable as error:
            log.error("leg %s has no media: %s", self._request.leg_id, error)
            return Ending(EndedBy.MEDIA, sent=False)
        await self._turn()
        if self._hung_up.is_set():
            return Ending(EndedBy.LOCAL, sent=False)
        self._ours = sdp.offer(announced, self._session.port, session_id=secrets.randbits(62))
        self._call = self._agent.call(invitation, self._ours)
        self._call.on_progress = self._progress
        self._call.on_answer = self._answer
        self._call.on_digit = lambda key: self._key(key, "info")
        self._call.on_reinvite = self._renegotiate
        self._call.on_reanswer = self._connect
        self._departed.set()
        ending = await self._call.ended
        return replace(ending, by=EndedBy.MEDIA) if self._lost and ending.by is EndedBy.LOCAL else ending

    async def _turn(self) -> None:
        """Wait until the INVITE may leave, or the leg was hung up."""
        turn = asyncio.ensure_future(self._request.turn())
        hung_up = asyncio.ensure_future(self._hung_up.wait())
        try:
            await asyncio.wait((turn, hung_up), return_when=asyncio.FIRST_COMPLETED)
            if turn.done():
                turn.result()
        finally:
            turn.cancel()
            hung_up.cancel()

    def _invitation(self) -> Invitation:
        trunk = self._request.trunk
        return Invitation(
            number=self._request.number,
            host=trunk.host,
            port=trunk.port,
            transport=trunk.transport.lower(),
            caller_id=self._request.caller_id or trunk.caller_id,
            username=trunk.username,
            password=trunk.password,
            ring_timeout=self._request.ring_timeout,
            may_leave=self._request.may_leave,
        )

    # ------------------------------------------------------------ signalling

    def _progress(self, _code: int, answer: Description | None) -> None:
        if answer is not None:
            try:
                self._connect(answer, early=True)
            except SdpError as error:
                log.info("leg %s does without early media: %s", self._request.leg_id, error)
        if not self._rang:
            self._rang = True
            self._emit(Ringing(self._role))

    def _answer(self, answer: Description) -> None:
        self._connect(answer)
        if self._session is not None and self._request.recording is not None:
            self._session.record(self._request.recording, self._request.leg_id)
        self._answered = True
        self._emit(Answered(self._role))

    def _connect(self, theirs: Description, *, early: bool = False) -> None:
        """Let media flow as agreed. Early media is only listened to. Raises ``SdpError``."""
        if self._session is None or self._ours is None:
            return
        agreed = sdp.agree(self._ours, theirs)
        try:
            self._session.connect(
                agreed.remote,
                agreed.codec,
                agreed.telephone_event,
                telephone_event_in=agreed.telephone_event_in,
                receive=agreed.receive,
                send=agreed.send and not early,
            )
        except ValueError as error:  # a host name in the c= line, or an address of the other family
            raise SdpError(str(error)) from error

    def _renegotiate(self, offer: Description | None) -> Description | None:
        """Answer hold, resume, another address; or make the offer where theirs is missing."""
        if self._ours is None or self._ours.audio is None:
            return None
        mine = self._ours.audio
        if offer is None:
            return self._ours
        before = self._ours
        fresh = sdp.answer(offer, mine.host, mine.port, session_id=before.session_id, version=before.version)
        # RFC 3264 section 8: the version rises where anything changed, and only there.
        self._ours = before if fresh == before else replace(fresh, version=before.version + 1)
        self._connect(offer)
        return self._ours

    # ------------------------------------------------------------ media

    def _on_media(self, event: MediaEvent) -> None:
        match event:
            case DigitPressed(key):
                self._key(key, "rtp")
            case PromptPlayed() if self._playing:
                self._playing = False
                self._tell(Played(self._role))
            case VoiceHeard(seconds) if self._listening:
                self._heard(seconds)
            case SessionLost(reason):
                log.error("leg %s lost its media: %s", self._request.leg_id, reason)
                self._lost = True
                self.hangup()

    def _heard(self, seconds: float) -> None:
        self._listening = False
        self._tell(Heard(self._role, seconds))

    def _key(self, key: str, way: str) -> None:
        now = self._now()
        before, at = self._pressed.get(key, (way, now))
        if way != before and now - at < SAME_KEY:
            return
        self._pressed[key] = (way, now)
        self._tell(Digit(self._role, key))

    def _tell(self, event: LegEvent) -> None:
        if self._answered and not self._over:
            self._emit(event)

    # ------------------------------------------------------------ commands

    async def departed(self) -> None:
        """Return once the INVITE is on its way, or the leg over without one."""
        await self._departed.wait()

    @property
    def _talking(self) -> bool:
        """Whether there is somebody to play to."""
        return self._answered and not self._over and self._call is not None and not self._call.ended.done()

    def play(self, prompt: str, *, loop: bool = False) -> None:
        """Play a prompt from its beginning."""
        if not self._talking or self._session is None:
            return
        try:
            self._session.play(prompt, loop=loop)
        except UnknownPrompt:
            # Waiting for the end of what never plays would hold a person on a silent line.
            log.exception("leg %s is hung up", self._request.leg_id)
            self._lost = True
            self.hangup()
            return
        self._playing = not loop

    def stop_playing(self) -> None:
        """Stop the prompt."""
        if self._talking and self._session is not None:
            self._playing = False
            self._session.stop_playing()

    def listen(self, seconds: float, silence: float) -> None:
        """Measure voice."""
        if self._talking and self._session is not None:
            self._listening = True
            self._session.listen(seconds, silence)

    def bridge(self, other: "SipLeg") -> None:
        """Let two legs hear each other."""
        if self._talking and other._talking and self._session is not None and other._session is not None:
            self._playing = other._playing = False
            self._session.bridge(other._session)

    def hangup(self) -> None:
        """CANCEL or BYE, at its turn."""
        self._hung_up.set()
        if self._call is not None and not self._call.ended.done():
            self._pacer.submit(self._call.hangup)
