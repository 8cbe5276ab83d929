"""What the carrier's callees and the dialler's prompts say: made on the spot, nothing downloaded."""

from functools import cache
from pathlib import Path

from calldron.media import g711, tones


@cache
def _sounds() -> dict[str, bytes]:
    """Name to 8 kHz s16le."""
    return {
        "hello": tones.word(0.6),
        "machine": tones.speech(8) + tones.silence(0.3) + tones.tone(1000, 0.5),
        "early": tones.speech(2),
        "intro": tones.speech(6),
        "intro30": tones.speech(30),
        "intro60": tones.speech(60),
        "thanks": tones.speech(1.5),
    }


def write(folder: Path) -> None:
    """Each as signed linear and as A-law, so that neither a mu-law nor an A-law call is transcoded needlessly."""
    for name, pcm in _sounds().items():
        (folder / f"{name}.sln").write_bytes(pcm)
        (folder / f"{name}.alaw").write_bytes(g711.encode(pcm, g711.Codec.PCMA))
