"""Exact sums of floating-point numbers: the same bits for any order, grouping, thread count and vector width.

Numbers are cut into slices of 19 bits, each an integer times a common power of two (the error-free extraction of Rump,
Ogita and Oishi, "Accurate floating-point summation", 2008). Sums and products of slices over a block stay integers
below 2^53, so that floating-point arithmetic on them is exact whatever its order, BLAS included.

`math.fsum` would not do: it rounds each sum to a double, so that the sums of parts (spans, workers) do not add up to
the sum of the whole. Here a sum is an integer of arbitrary size, which is rounded only when a mean or standard
deviation is computed.
"""

import math

import numpy as np

BLOCK = 2**15
SLICE = 19
UNIT = 1074  # sums are integers in units of 2^-1074, sums of squares in units of 2^-2148: no double is finer
LARGE, FINE = 2.0**900, -940  # beyond these powers of two the slices would overflow


def power_sums(values: np.ndarray, counts: np.ndarray | None = None) -> tuple[int, int]:
    """Return the sums of *values* (finite doubles) and of their squares, in units of 2^-1074 and 2^-2148.

    *counts* is the multiplicity of each value; without it, each value counts once.
    """
    if counts is not None:
        return sum_as_integers(values, counts)
    total = square = 0
    buffers: list[np.ndarray] = []
    for start in range(0, len(values), BLOCK):
        first, second = sum_block(values[start : start + BLOCK], buffers)
        total, square = total + first, square + second
    return total, square


def sum_block(values: np.ndarray, buffers: list[np.ndarray]) -> tuple[int, int]:
    """Return the two sums of at most BLOCK values; *buffers* holds the memory of the slices for reuse."""
    rest, slices, units = values.copy(), [], []
    while top := max(float(rest.max()), -float(rest.min())):
        unit = math.frexp(top)[1] - SLICE + 1
        if top > LARGE or unit < FINE:
            return sum_as_integers(values, np.ones(len(values), np.int64))
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
        for right_index in range(index + 1):
            doubling = int(right_index < index)
            square += int(np.dot(left, slices[right_index])) << units[index] + units[right_index] + doubling
    return total, square


def sum_as_integers(values: np.ndarray, counts: np.ndarray) -> tuple[int, int]:
    """Return the two sums, computed value by value in Python integers: slow, for any finite doubles."""
    total = square = 0
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        numerator, denominator = value.as_integer_ratio()
        scaled = numerator << UNIT + 1 - denominator.bit_length()
        total += count * scaled
        square += count * scaled * scaled
    return total, square


def mean_and_sd(total: int, square: int, count: int) -> tuple[float, float | None]:
    """Return the mean and the population standard deviation of *count* values from their two sums.

    The standard deviation is None if it overflows a double.
    """
    scaled_variance = (count * square - total * total) << 2  # an even power of two more, for the root
    shift = max(0, scaled_variance.bit_length() - 130) // 2 * 2
    root = math.isqrt(scaled_variance >> shift) << shift // 2
    try:
        deviation = root / (count << UNIT + 1)
    except OverflowError:
        deviation = None
    return total / (count << UNIT), deviation


def encode_integer(number: int) -> str:
    """Return an integer as short text: hexadecimal digits, "p", and the exponent of the power of two to multiply by."""
    power = (number & -number).bit_length() - 1 if number else 0
    return f"{number >> power:x}p{power}"


def decode_integer(text: str) -> int:
    """Return the integer that encode_integer wrote as *text*."""
    digits, power = text.split("p")
    return int(digits, 16) << int(power)
