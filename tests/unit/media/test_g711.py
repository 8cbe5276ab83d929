import sys

import numpy as np
import pytest

from calldron.media.g711 import Codec, decode, encode, translation

EVERY_SAMPLE = np.arange(65536).astype("<u2").tobytes()
EVERY_OCTET = bytes(range(256))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop, the reference, left Python in 3.13")
@pytest.mark.filterwarnings("ignore:'audioop' is deprecated")
def test_equals_audioop_for_every_sample_and_octet() -> None:
    import audioop

    assert encode(EVERY_SAMPLE, Codec.PCMU) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert encode(EVERY_SAMPLE, Codec.PCMA) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert decode(EVERY_OCTET, Codec.PCMU) == audioop.ulaw2lin(EVERY_OCTET, 2)
    assert decode(EVERY_OCTET, Codec.PCMA) == audioop.alaw2lin(EVERY_OCTET, 2)


@pytest.mark.parametrize("codec", Codec)
def test_what_was_decoded_encodes_to_the_same_sound(codec: Codec) -> None:
    assert decode(encode(decode(EVERY_OCTET, codec), codec), codec) == decode(EVERY_OCTET, codec)


@pytest.mark.parametrize(("one", "other"), [(Codec.PCMA, Codec.PCMU), (Codec.PCMU, Codec.PCMA)])
def test_translation_is_decoding_and_encoding(one: Codec, other: Codec) -> None:
    table = translation(one, other)
    assert table is not None
    assert EVERY_OCTET.translate(table) == encode(decode(EVERY_OCTET, one), other)


@pytest.mark.parametrize("codec", Codec)
def test_silence_is_silent_and_needs_no_translation_to_itself(codec: Codec) -> None:
    assert codec.silence == encode(b"\0\0", codec)[0]
    assert translation(codec, codec) is None


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        encode(b"\0\0\0", Codec.PCMA)
