"""How long audio can be: by what its file says of itself, else by its size.

No decoding: a few bytes of the container are read. What nothing is known of is as long as its bytes can be at the
lowest rate that speech is written at.
"""

from __future__ import annotations

import struct
import wave
from io import BytesIO
from typing import NamedTuple

__all__ = ["AudioLength", "audio_length"]

_LEAST_BYTES_S = 750  # Opus at 6 kbit/s, the lowest rate of any codec for speech
_LEAST_MP3_BYTES_S = 1000  # 8 kbit/s, the lowest that there is


class AudioLength(NamedTuple):
    """The length of one file.

    Attributes:
        milliseconds: rounded up.
        exact: whether the file says so; else it is the most that it can be.
    """

    milliseconds: int
    exact: bool


def audio_length(data: bytes) -> AudioLength:
    """The length of a file's audio."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        found = _wav_ms(data)
    elif data[:4] == b"fLaC":
        found = _flac_ms(data)
    elif data[4:8] == b"ftyp":
        found = _mp4_ms(data)
    else:
        found = None
    if found is not None:
        return AudioLength(found, exact=True)
    least = _LEAST_MP3_BYTES_S if _is_mp3(data) else _LEAST_BYTES_S
    return AudioLength(_ms(len(data), least), exact=False)


def _wav_ms(data: bytes) -> int | None:
    """By the bytes that are there, whatever count of frames the header claims."""
    try:
        with wave.open(BytesIO(data)) as read:
            rate = read.getframerate() * read.getnchannels() * read.getsampwidth()
    except (wave.Error, EOFError, ValueError, struct.error):
        return None
    return _ms(len(data), rate) if rate else None


def _flac_ms(data: bytes) -> int | None:
    """By STREAMINFO, the first block: 20 bits of the rate, and 36 of the count of samples."""
    if len(data) < 26:
        return None
    packed = int.from_bytes(data[18:26], "big")
    rate, samples = packed >> 44, packed & (2**36 - 1)
    return _ms(samples, rate) if rate and samples else None


def _mp4_ms(data: bytes) -> int | None:
    """By the movie's header, which has a time scale and a duration in it."""
    place = data.find(b"mvhd")
    if place < 0:
        return None
    try:
        if data[place + 4] == 1:
            scale, duration = struct.unpack_from(">IQ", data, place + 24)
        else:
            scale, duration = struct.unpack_from(">II", data, place + 16)
    except (struct.error, IndexError):
        return None
    return _ms(duration, scale) if scale and duration else None


def _is_mp3(data: bytes) -> bool:
    return data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)


def _ms(count: int, each_s: int) -> int:
    return -(-count * 1000 // each_s)
