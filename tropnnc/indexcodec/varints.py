"""Non-negative integers in as few bytes as they need: seven bits a byte, the last one below 128."""

from __future__ import annotations

from tropnnc.errors import TropnncError

# So that a damaged count cannot overflow an int64, nor a sum of a few of them.
LARGEST_BITS = 48


def write_varint(value: int) -> bytes:
    """``value`` in 0 … 2⁴⁸ − 1, its lowest seven bits first."""
    if not 0 <= value < 1 << LARGEST_BITS:
        raise TropnncError(f"{value} is out of range, accepted are 0 to 2^{LARGEST_BITS} - 1")
    written = bytearray()
    while value >= 128:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """The integer at ``start`` and where the next thing begins.

    Raises:
        TropnncError: the data end within it, or it is not as short as it could be.
    """
    value, end = 0, start
    while True:
        if end >= len(data):
            raise TropnncError("damaged: the data end within a number")
        byte, shift = data[end], 7 * (end - start)
        value |= (byte & 127) << shift
        end += 1
        if value >= 1 << LARGEST_BITS or (byte == 0 and end - start > 1):
            raise TropnncError("damaged: a number out of range")
        if byte < 128:
            return value, end
