"""An intro as the API takes it: half a second of a tone, a WAV in Base64."""

from installation import intro

INTRO = intro(0.5)["intro"]
