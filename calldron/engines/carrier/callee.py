"""One call, taken as the number plan says: the plan's steps carried out on the SIP stack and in the media process."""

import asyncio
import logging
import secrets
from dataclasses import replace
from typing import Any, Final

from calldron.engines.carrier.plan import (
    KEY_SECONDS,
    Answer,
    Behaviour,
    EarlyMedia,
    Echo,
    Hangup,
    Play,
    Press,
    Refuse,
    Ring,
    Step,
    Sustain,
    Wait,
)
from calldron.engines.carrier.sounds import SoundBank
from calldron.engines.sip.inbound import InboundCall
from calldron.media import sdp
from calldron.media.client import MediaServer, MediaSession
from calldron.media.errors import MediaUnavailable
from calldron.media.events import MediaEvent, SessionLost
from calldron.media.sdp import Agreement, Description, SdpError

log = logging.getLogger(__name__)

_KEY_TAIL: Final = 0.06  # seconds in which the end of a telephone-event is repeated (RFC 4733 section 2.5.1.4)


class Callee:
    """Takes one call. To be made within ``on_invite``; ``run`` then lasts as long as the call."""

    def __init__(self, call: InboundCall, media: MediaServer, sounds: SoundBank, host: str) -> None:
        self._call = call
        self._media = media
        self._sounds = sounds
        self._host = host
        self._session: MediaSession | None = None
        self._session_id = secrets.randbits(62)
        self._ours: Description | None = None
        self._agreed: Agreement | None = None
        self._acknowledged = asyncio.Event()
        call.on_established = self._established
        call.on_reinvite = self._renegotiate

    async def run(self, behaviour: Behaviour) -> None:
        """Do what the plan says until it is done or the caller leaves, then let go of everything."""
        script = asyncio.create_task(self._follow(behaviour), name=f"script of {self._call.number}")
        ends: tuple[asyncio.Future[Any], ...] = (script, self._call.ended)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if script.done():
                await script
        finally:
            script.cancel()
            # Nothing is left of these to do unless the script failed, or this task is cancelled.
            self._call.reject(500, reason_q850=127)
            self._call.bye()
            await asyncio.wait({script})
            if self._session:
                await self._session.close()
        await asyncio.wait({self._call.ended})

    async def _follow(self, behaviour: Behaviour) -> None:
        try:
            for step in behaviour:
                await self._take(step)
        except SdpError as error:
            log.info("call to %s refused: %s", self._call.number, error)
            self._call.reject(488, reason_q850=58)
        except MediaUnavailable as error:
            log.error("call to %s refused: %s", self._call.number, error)
            self._call.reject(503, reason_q850=34)

    async def _take(self, step: Step) -> None:
        match step:
            case Ring():
                self._call.ring()
            case EarlyMedia():
                self._call.ring(183, await self._description())
            case Answer():
                self._call.answer(await self._description())
                await self._acknowledged.wait()
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Hangup():
                self._call.bye(reason_q850=16)
            case Refuse(code, cause):
                self._call.reject(code, reason_q850=cause)
            case Play() | Sustain() | Press() | Echo():
                await self._sound(step, await self._opened())

    async def _sound(self, step: Play | Sustain | Press | Echo, session: MediaSession) -> None:
        match step:
            case Play(sound):
                session.play(sound)
                # By the clock and not by PromptPlayed, which waits as long as the caller holds the call.
                await asyncio.sleep(self._sounds.seconds(sound))
            case Sustain(sound):
                session.play(sound, loop=True)
            case Echo():
                session.echo()
            case Press(key):
                if self._agreed is None or self._agreed.telephone_event is not None:
                    session.press(key, KEY_SECONDS)
                else:
                    session.play(self._sounds.key(key))
                await asyncio.sleep(KEY_SECONDS + _KEY_TAIL)

    async def _opened(self) -> MediaSession:
        if self._session is None:
            self._session = await self._media.open(self._host, self._on_media)
        return self._session

    async def _description(self) -> Description:
        """What early media and the answer say: the same, as RFC 3261 section 13.2.1 wants. Raises ``SdpError``."""
        session = await self._opened()
        if self._ours is None:
            self._ours = self._describe(session, self._call.offer)
        return self._ours

    def _describe(self, session: MediaSession, offer: Description | None) -> Description:
        """Our answer, put into effect, or our offer where the caller makes none. Raises ``SdpError``."""
        if offer is None:
            return sdp.offer(session.host, session.port, session_id=self._session_id)
        ours = sdp.answer(offer, session.host, session.port, session_id=self._session_id)
        self._connect(session, sdp.agree(ours, offer))
        return ours

    def _connect(self, session: MediaSession, agreed: Agreement) -> None:
        try:
            session.connect(
                agreed.remote,
                agreed.codec,
                agreed.telephone_event,
                telephone_event_in=agreed.telephone_event_in,
                receive=agreed.receive,
                send=agreed.send,
            )
        except ValueError as error:
            raise SdpError(str(error)) from error
        self._agreed = agreed

    def _established(self, answer: Description | None) -> None:
        if answer and self._ours and self._session:
            try:
                self._connect(self._session, sdp.agree(self._ours, answer))
            except SdpError as error:
                log.info("call to %s ended: %s", self._call.number, error)
                self._call.bye(reason_q850=58)
                return
        self._acknowledged.set()

    def _renegotiate(self, offer: Description | None) -> Description | None:
        """Hold, session refresh, another address. RFC 3264 section 8: another description has the next version."""
        if self._ours is None or self._session is None:
            return None
        fresh = self._describe(self._session, offer)
        if replace(fresh, version=self._ours.version) != self._ours:
            self._ours = replace(fresh, version=self._ours.version + 1)
        return self._ours

    def _on_media(self, event: MediaEvent) -> None:
        if isinstance(event, SessionLost):
            log.error("call to %s lost its media: %s", self._call.number, event.reason)
            self._call.bye(reason_q850=41)
