"""What a second of call costs the media process: prompt out, both ways recorded, keys listened for, on loopback.

    python bench/media_cpu.py [--calls 100 300] [--seconds 8] [--churn 100]

Two media servers call each other; only the process of the first is measured. ``--churn`` opens and closes that many
further sessions a second meanwhile, and the late slots show whether the running calls noticed.
"""

import argparse
import asyncio
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from calldron.media.client import MediaServer, MediaSession
from calldron.media.events import DigitPressed
from calldron.media.g711 import SAMPLE_RATE, Codec

EVENTS = 101
HOST = "127.0.0.1"
PROMPT = "prompt"


def sound(seconds: float) -> bytes:
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (8000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()


def cpu(server: MediaServer) -> float:
    assert server.pid
    times = psutil.Process(server.pid).cpu_times()
    return times.user + times.system


async def churn(server: MediaServer, rate: float, folder: Path) -> None:
    """Open, negotiate, record and close ``rate`` sessions a second, each up for a second."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind((HOST, 0))

    async def short(number: int) -> None:
        session = await server.open(HOST, lambda _: None)
        session.connect(sink.getsockname(), Codec.PCMA, EVENTS)
        session.record(folder / f"churn{number}", "client")
        session.play(PROMPT)
        await asyncio.sleep(1)
        await session.close()

    number = 0
    with sink:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(short(number))
                number += 1
                await asyncio.sleep(1 / rate)


async def measure(calls: int, seconds: float, churn_rate: float, record: bool, folder: Path) -> dict[str, Any]:
    ours, theirs = MediaServer(), MediaServer()
    digits = 0

    def on_event(event: object) -> None:
        nonlocal digits
        digits += isinstance(event, DigitPressed)

    await ours.start()
    await theirs.start()
    pairs: list[tuple[MediaSession, MediaSession]] = []
    try:
        for server in (ours, theirs):
            await server.load_prompt(PROMPT, sound(5))
        for number in range(calls):
            one, other = await ours.open(HOST, on_event), await theirs.open(HOST, on_event)
            one.connect((HOST, other.port), Codec.PCMA, EVENTS)
            other.connect((HOST, one.port), Codec.PCMA, EVENTS)
            if record:
                one.record(folder / str(number), "client")
            one.play(PROMPT, loop=True)
            other.play(PROMPT, loop=True)
            pairs.append((one, other))
        await asyncio.sleep(1)
        churning = asyncio.create_task(churn(ours, churn_rate, folder)) if churn_rate else None
        late, before, began = ours.health.late_slots, cpu(ours), time.monotonic()
        for _, other in pairs:
            other.press("5")
        await asyncio.sleep(seconds)
        spent, seconds = cpu(ours) - before, time.monotonic() - began  # on a busy machine we wake up late
        if churning:
            churning.cancel()
            await asyncio.wait({churning})
        health = ours.health
        results = [(await one.close(), await other.close()) for one, other in pairs]
    finally:
        await ours.stop()
        await theirs.stop()
    return {
        "calls": calls,
        "record": record,
        "CPU ms per call-second": round(1000 * spent / calls / seconds, 3),
        "packets sent": sum(one.sent for one, _ in results),
        "packets received": sum(one.received for one, _ in results),
        "lost here": sum(one.lost for one, _ in results),
        "lost there": sum(other.lost for _, other in results),
        "keys heard of those pressed": f"{digits}/{calls}",
        "late slots": f"{health.late_slots - late}/{round(seconds * 200)}",
        "longest delay ms": round(1000 * health.longest_delay, 1),
        "whole tracks": all(one.recorded for one, _ in results),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--churn", type=float, default=0)
    parser.add_argument("--no-record", dest="record", action="store_false")
    asked = parser.parse_args()
    for calls in asked.calls:
        with tempfile.TemporaryDirectory() as folder:
            results = asyncio.run(measure(calls, asked.seconds, asked.churn, asked.record, Path(folder)))
        print(", ".join(f"{name} {value}" for name, value in results.items()))


if __name__ == "__main__":
    main()
