"""Intros on their way from the store to the engine, each loaded once."""

import asyncio
from collections.abc import Mapping

import structlog

from calldron.dialer.ports import Clock, Engine, Store
from calldron.domain.commands import Tune
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_PAUSE = 0.5


class Prompts:
    """``tunes``: 8 kHz mono signed 16-bit little-endian, one for each ``Tune`` but the intro."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, tunes: Mapping[Tune, bytes]) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._tunes = tunes
        self._loading: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Make the tunes known to the engine."""
        for tune, pcm in self._tunes.items():
            await self._engine.load_prompt(self.tune(tune), pcm)

    def tune(self, tune: Tune) -> str:
        """The engine's name of a tune."""
        return f"tune-{tune.value}"

    def name(self, sound_id: int) -> str:
        """The engine's name of an intro."""
        return f"sound-{sound_id}"

    async def ready(self, sound_id: int) -> None:
        """Return once the engine can play this intro, however long the store is away; calls that ask meanwhile share
        one load."""
        if self._engine.knows_prompt(self.name(sound_id)):
            return
        loading = self._loading.get(sound_id)
        if loading is None:
            loading = asyncio.create_task(self._load(sound_id), name=f"load sound {sound_id}")
            self._loading[sound_id] = loading
            loading.add_done_callback(lambda _: self._loading.pop(sound_id, None))
        await asyncio.shield(loading)

    async def _load(self, sound_id: int) -> None:
        while True:
            try:
                pcm = await self._store.sound(sound_id)
                break
            except StoreUnavailable as error:  # the call is claimed: failing it would cost it an attempt
                log.warning("store away, an intro is waited for", sound=sound_id, error=str(error))
                await self._clock.sleep(RETRY_PAUSE)
        await self._engine.load_prompt(self.name(sound_id), pcm)
