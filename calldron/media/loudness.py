"""Makes every prompt as loud as the next: one loudness, no rumble, no clipping.

Loudness is ITU-R BS.1770-4's: K-weighting, 400 ms blocks, the absolute and the relative gate. Filters are
applied to the spectrum, so they have no delay; the limiter looks ahead, so no sample passes the ceiling.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Values = NDArray[np.float64]

TARGET: Final = -19.0  # dBFS: speech this loud peaks just under full scale
CEILING: Final = 10 ** (-1 / 20)  # -1 dBFS
HIGHPASS: Final = 100.0  # Hz: below it a telephone carries nothing but hum and the offset of a bad sound card

_ABSOLUTE_GATE: Final = -70.0  # dBFS: silence
_RELATIVE_GATE: Final = -10.0  # dB under the mean of what is not silence: pauses
_MAX_GAIN: Final = 40.0  # dB: past it the noise of an empty room would become the prompt
_BLOCK: Final = 0.4  # s
_HOLD: Final = 0.05  # s either side of a peak in which the limiter is down


def level(samples: Samples, rate: int) -> Samples:
    """Float samples (full scale is 1.0) at `rate` Hz: high-passed, brought to TARGET and limited to CEILING.

    Raises nothing; what is silent stays silent.
    """
    if not samples.size:
        return samples
    clean = _highpass(samples, rate)
    loudness = measure(clean, rate)
    if loudness is None:
        return limit(clean, rate)
    gain = min(TARGET - loudness, _MAX_GAIN)
    return limit(clean * np.float32(10 ** (gain / 20)), rate)


def measure(samples: Samples, rate: int) -> float | None:
    """Gated loudness in dBFS (a 1 kHz sine of full scale is -3.0), or None for silence."""
    power = _block_power(samples, rate)
    power = power[power > 10 ** (_ABSOLUTE_GATE / 10)]
    if not power.size:
        return None
    # Never empty: the loudest block is at least the mean.
    power = power[power >= power.mean() * 10 ** (_RELATIVE_GATE / 10)]
    return float(10 * np.log10(power.mean()))


def limit(samples: Samples, rate: int) -> Samples:
    """Gain pulled down smoothly around peaks past CEILING, everything else untouched."""
    magnitude = np.abs(samples)
    if magnitude.max() <= CEILING:
        return samples
    width = max(1, int(_HOLD * rate))
    wanted = np.minimum(1.0, CEILING / np.maximum(magnitude, 1e-9)).astype(np.float64)
    # Each gain is the mean of minima whose windows all hold its sample: never above what that sample needs.
    lowest = _sliding_minimum(np.pad(wanted, width - 1, mode="edge"), width)
    sums = np.concatenate(([0.0], np.cumsum(lowest)))
    smooth = (sums[width:] - sums[:-width]) / width
    limited = samples * smooth.astype(np.float32)
    # The float32 product may pass the ceiling by a rounding.
    return np.clip(limited, -CEILING, CEILING).astype(np.float32)


def _sliding_minimum(values: Values, width: int) -> Values:
    """Minimum over `width` neighbours, by doubling: out[i] = min(values[i : i + width])."""
    reach = 1
    lowest = values
    while reach < width:
        step = min(reach, width - reach)
        lowest = np.minimum(lowest[:-step], lowest[step:])
        reach += step
    return lowest


def _highpass(samples: Samples, rate: int) -> Samples:
    """Fourth-order Butterworth magnitude, zero phase; padded, lest the file's end ring into its start."""
    size = _fft_size(samples.size + rate)
    frequency = _frequencies(size, rate)
    with np.errstate(divide="ignore"):
        response = 1 / np.sqrt(1 + (HIGHPASS / frequency) ** 8)
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    spectrum = np.fft.rfft(centred, size) * response.astype(np.float32)
    return np.fft.irfft(spectrum, size)[: samples.size].astype(np.float32)


def _frequencies(size: int, rate: int) -> Values:
    return np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)


def _fft_size(least: int) -> int:
    """A size without large prime factors, on which a transform is fast and frugal."""
    unit = 2**14
    return -(-least // unit) * unit


def _block_power(samples: Samples, rate: int) -> Values:
    """K-weighted mean square of each 400 ms block, a block every 100 ms; a shorter file is one block."""
    block = int(_BLOCK * rate)
    if samples.size < block:
        samples = np.pad(samples, (0, block - samples.size))
    weights = _k_weighting(_frequencies(block, rate))
    # Parseval: each bin but the first and the last stands for two of the full spectrum.
    weights[1:-1] *= 2
    starts = range(0, samples.size - block + 1, block // 4)
    spectra = (np.fft.rfft(samples[at : at + block]) for at in starts)
    return np.array([float(np.sum(np.abs(s) ** 2 * weights)) for s in spectra]) / block**2


def _k_weighting(frequency: Values) -> Values:
    """BS.1770's two filters as a power response, with unity at 1 kHz so that a sine there reads its own RMS.

    Evaluated at the 48 kHz for which the standard gives the coefficients, whatever the rate of the samples.
    """
    z = np.exp(-2j * np.pi * frequency / 48000)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    cut = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    power = np.abs(shelf * cut) ** 2
    reference = 10 ** (0.691 / 10)  # what the two do to 997 Hz, the constant of BS.1770's equation (2)
    return np.asarray(power / reference, dtype=np.float64)
