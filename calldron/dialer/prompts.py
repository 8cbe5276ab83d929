"""Intros on their way from the store to the engine, each loaded once."""

import asyncio
from collections.abc import Mapping

from calldron.dialer.ports import Engine, Store
from calldron.domain.commands import Tune


class Prompts:
    """``tunes``: 8 kHz mono signed 16-bit little-endian, one for each ``Tune`` but the intro."""

    def __init__(self, engine: Engine, store: Store, tunes: Mapping[Tune, bytes]) -> None:
        self._engine = engine
        self._store = store
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
        """Return once the engine can play this intro; calls that ask meanwhile share one load."""
        if self._engine.knows_prompt(self.name(sound_id)):
            return
        loading = self._loading.get(sound_id)
        if loading is None:
            loading = asyncio.create_task(self._load(sound_id), name=f"load sound {sound_id}")
            self._loading[sound_id] = loading
            loading.add_done_callback(lambda _: self._loading.pop(sound_id, None))
        await asyncio.shield(loading)

    async def _load(self, sound_id: int) -> None:
        await self._engine.load_prompt(self.name(sound_id), await self._store.sound(sound_id))
