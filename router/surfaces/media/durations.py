"""How long audio can be: of WAV by its rate, else by its size.

No decoding. The headers of other containers state a length that no decoder heeds, so a file that lies in them would be
heard in full and paid for in part: such a file is as long as its bytes can be at the lowest rate that speech has.
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
        exact: whether it is known; else it is the most that it can be.
    """

    milliseconds: int
    exact: bool


def audio_length(data: bytes) -> AudioLength:
    """The length of a file's audio."""
    found = _wav_ms(data) if data[:4] == b"RIFF" and data[8:12] == b"WAVE" else None
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


def _is_mp3(data: bytes) -> bool:
    return data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)


def _ms(count: int, each_s: int) -> int:
    return -(-count * 1000 // each_s)
