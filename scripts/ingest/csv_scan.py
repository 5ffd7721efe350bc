"""Vectorised scan of a block of text for line breaks, quoted fields and records; exact even with stray quotes."""

import re

import numpy as np


def line_ends(raw: bytes) -> np.ndarray:
    r"""Return the position of the last byte of each line break of *raw*: \n, \r\n or \r."""
    data = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(data == 10)
    if b"\r" in raw:
        returns = np.flatnonzero(data == 13)
        after = np.append(data, 0)[returns + 1]
        ends = np.sort(np.concatenate([ends, returns[after != 10]]))
    return ends


def quoted_ranges(raw: bytes, separator: str, quote: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the first byte and the end (exclusive) of each quoted range of *raw*, which starts with a record.

    A quote opens a quoted field only as its first byte; any other quote outside a quoted field is a plain letter.
    """
    data = np.frombuffer(raw, np.uint8)
    found = np.flatnonzero(data == ord(quote)) if quote and quote.encode() in raw else np.zeros(0, np.int64)
    first, last = found[::2], found[1::2]
    if len(found) == 0:
        return first, last
    edges = np.array([10, 13, ord(separator)], np.uint8)
    padded = np.concatenate([[10], data, [10]])
    opens = np.isin(padded[first], edges)  # the byte before
    opens[1:] |= first[1:] == last[: len(first) - 1] + 1  # a doubled quote
    closes = np.isin(padded[last + 2], edges)
    closes[: len(first) - 1] |= first[1:] == last[: len(first) - 1] + 1
    if not (opens.all() and closes.all()):
        return scan_quoted_ranges(raw, separator, quote)
    return first, np.append(last + 1, [len(raw)] * (len(first) - len(last)))


def scan_quoted_ranges(raw: bytes, separator: str, quote: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the same as quoted_ranges, field by field, for text with stray quotes inside fields."""
    quote_pattern, edge = re.escape(quote.encode()), re.escape(separator.encode())
    inner = rb"[^" + quote_pattern + rb"]*+"
    field = (
        quote_pattern
        + rb"(?<=[\r\n"
        + edge
        + rb"]"
        + quote_pattern
        + rb")"
        + inner
        + rb"(?:"
        + quote_pattern * 2
        + inner
        + rb")*+"
        + quote_pattern
        + rb"?"
    )
    spans = [found.span() for found in re.finditer(field, b"\n" + raw)]
    both = np.array(spans, np.int64).reshape(-1, 2) - 1
    return both[:, 0], both[:, 1]


def record_ends(raw: bytes, separator: str, quote: str) -> np.ndarray:
    """Return the position of the last byte of each line break of *raw* that ends a record."""
    ends = line_ends(raw)
    first, after = quoted_ranges(raw, separator, quote)
    if len(first):
        before = np.searchsorted(first, ends) - 1
        ends = ends[(before < 0) | (ends >= after[before])]
    return ends


def record_starts(raw: bytes, separator: str, quote: str) -> np.ndarray:
    """Return where each record of *raw* starts; blank lines are no records. The last record may lack a line break."""
    found = np.append(0, record_ends(raw, separator, quote) + 1)
    found = found[found < len(raw)]
    first = np.frombuffer(raw, np.uint8)[found]
    return found[(first != 10) & (first != 13)]


def has_hexadecimal(raw: bytes) -> bool:
    """Return whether *raw* contains 0x or 0X, which pyarrow reads as the start of a hexadecimal integer."""
    data = np.frombuffer(raw, np.uint8)
    found = [
        np.flatnonzero(data == ord(letter)) for letter in "xX" if letter.encode() in raw
    ]  # searching for 0x itself is slow
    return any((data[positions - 1] == ord("0")).any() for positions in found)
