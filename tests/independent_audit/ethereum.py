"""Keccak-256, and which key a signature on secp256k1 is of. Slow and plain: it is here to agree with others, or not."""

from __future__ import annotations

# SEC 2, section 2.4.1: the field, the order of the group, and its base point.
FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)

Point = tuple[int, int] | None

_LANE = 2**64 - 1
_RATE = 136


def keccak_256(message: bytes) -> bytes:
    """The hash of Ethereum: Keccak with the padding that it had before FIPS 202."""
    padding = _RATE - len(message) % _RATE
    tail = b"\x81" if padding == 1 else b"\x01" + bytes(padding - 2) + b"\x80"
    data, state = message + tail, [[0] * 5 for _ in range(5)]
    for start in range(0, len(data), _RATE):
        for lane in range(_RATE // 8):
            place = start + 8 * lane
            state[lane % 5][lane // 5] ^= int.from_bytes(data[place : place + 8], "little")
        state = _permuted(state)
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def address(point: object) -> str:
    """The address of a public key, in the letters of ERC-55."""
    digits = keccak_256(point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big"))[12:].hex()
    checksum = keccak_256(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if int(check, 16) >= 8 else digit for digit, check in zip(digits, checksum))


def _rotated(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> 64 - by) & _LANE


def _permuted(state: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600] (FIPS 202, section 3.2), its round constants by the register of section 3.2.5."""
    register = 1
    for _ in range(24):
        column = [a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] for a in state]
        parity = [column[(x - 1) % 5] ^ _rotated(column[(x + 1) % 5], 1) for x in range(5)]
        state = [[state[x][y] ^ parity[x] for y in range(5)] for x in range(5)]
        x, y, current = 1, 0, state[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, state[x][y] = state[x][y], _rotated(current, (step + 1) * (step + 2) // 2)
        for y in range(5):
            row = [state[x][y] for x in range(5)]
            for x in range(5):
                state[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & _LANE)
        for bit in range(7):
            if register & 1:
                state[0][0] ^= 1 << (1 << bit) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
    return state


def recovers(point: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """Whether `ecrecover` finds this key: r, s and v of a message, s the lower one of both."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < ORDER and 0 < s <= ORDER // 2):
        return False
    y = pow(r**3 + 7, (FIELD + 1) // 4, FIELD)
    if (y * y - r**3 - 7) % FIELD:
        return False
    if y % 2 != signature[64] - 27:
        y = FIELD - y
    hashed, inverse = int.from_bytes(keccak_256(message), "big"), pow(r, -1, ORDER)
    return _sum(_product(-hashed * inverse % ORDER, BASE), _product(s * inverse % ORDER, (r, y))) == point


def _sum(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % FIELD == 0:
            return None
        slope = 3 * one[0] ** 2 * pow(2 * one[1], -1, FIELD) % FIELD
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, FIELD) % FIELD
    x = (slope**2 - one[0] - other[0]) % FIELD
    return x, (slope * (one[0] - x) - one[1]) % FIELD


def _product(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point, factor = _sum(point, point), factor >> 1
    return total
