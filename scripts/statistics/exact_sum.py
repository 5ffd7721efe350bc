"""Exact sums of floating-point numbers: the same bits for any order, grouping, thread count and vector width.

Numbers are cut into slices of 19 bits, each an integer times a common power of two (the error-free extraction of Rump,
Ogita and Oishi, "Accurate floating-point summation", 2008). Sums and products of slices over a block stay integers
below 2^53, so that floating-point arithmetic on them is exact whatever its order, BLAS included.
"""

import math

import numpy as np

BLOCK = 2**15
SLICE = 19
UNIT = 1074  # sums are integers in units of 2^-1074, sums of squares in units of 2^-2148: no double is finer
LARGE, FINE = 2.0**900, -940  # beyond these powers of two the slices would overflow


def power_sums(values: np.ndarray, counts: np.ndarray | None = None) -> tuple[int, int]:
    """Return the sums of *values* (finite doubles) and of their squares, in units of 2^-1074 and 2^-2148.

    *counts* says how often each value counts.
    """
    if counts is not None:
        return one_by_one(values, counts)
    total = square = 0
    buffers: list[np.ndarray] = []
    for start in range(0, len(values), BLOCK):
        first, second = of_block(values[start : start + BLOCK], buffers)
        total, square = total + first, square + second
    return total, square


def of_block(values: np.ndarray, buffers: list[np.ndarray]) -> tuple[int, int]:
    """Return the two sums of at most BLOCK values; *buffers* keep the memory of the slices for the next block."""
    rest, slices, units = values.copy(), [], []
    while top := max(float(rest.max()), -float(rest.min())):
        unit = math.frexp(top)[1] - SLICE + 1
        if top > LARGE or unit < FINE:
            return one_by_one(values, np.ones(len(values), np.int64))
        if len(slices) == len(buffers):
            buffers.append(np.empty(BLOCK))
        piece = buffers[len(slices)][: len(values)]
        sigma = 1.5 * 2.0 ** (52 + unit)
        np.add(rest, sigma, out=piece)
        piece -= sigma
        rest -= piece
        piece *= 2.0**-unit
        slices.append(piece)
        units.append(unit + UNIT)
    total = sum(int(piece.sum()) << unit for piece, unit in zip(slices, units, strict=True))
    square = 0
    for index, left in enumerate(slices):
        for other in range(index + 1):
            twice = int(other < index)
            square += int(np.dot(left, slices[other])) << units[index] + units[other] + twice
    return total, square


def one_by_one(values: np.ndarray, counts: np.ndarray) -> tuple[int, int]:
    """Return the two sums in plain integer arithmetic."""
    total = square = 0
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        top, bottom = value.as_integer_ratio()
        whole = top << UNIT + 1 - bottom.bit_length()
        total += count * whole
        square += count * whole * whole
    return total, square


def mean_sd(total: int, square: int, count: int) -> tuple[float, float | None]:
    """Return mean and (population) standard deviation of *count* values from their sums; None where it overflows."""
    spread = (count * square - total * total) << 2  # an even power of two more, for the root
    shift = max(0, spread.bit_length() - 130) // 2 * 2
    root = math.isqrt(spread >> shift) << shift // 2
    try:
        deviation = root / (count << UNIT + 1)
    except OverflowError:
        deviation = None
    return total / (count << UNIT), deviation


def text_of(number: int) -> str:
    """Return an integer as short text: hexadecimal digits, "p", and the power of two that they stand for."""
    power = (number & -number).bit_length() - 1 if number else 0
    return f"{number >> power:x}p{power}"


def number_of(text: str) -> int:
    """Return the integer of *text* as text_of writes it."""
    digits, power = text.split("p")
    return int(digits, 16) << int(power)
