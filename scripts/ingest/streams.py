"""Bytes of a raw file as they come: decompressed, as UTF-8, with comment lines blank."""

import bz2
import codecs
import contextlib
import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
PIECE = 1 << 20  # bytes


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed where its name says so."""
    if path.suffix == ".zst":
        file = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    else:
        file = OPENERS.get(path.suffix, io.FileIO)(path)
    with contextlib.closing(file):
        while piece := file.read(PIECE):
            yield piece


def recoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield text of *encoding* as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", True).encode()


def uncommented(pieces: Iterator[bytes], comment: str) -> Iterator[bytes]:
    """Yield text with the lines that start with *comment* blank."""
    line = re.compile(rb"^" + re.escape(comment.encode()) + rb".*?(?=[\r\n]|\Z)", re.M)
    held = b""
    for piece in pieces:
        held += piece
        cut = held.rfind(b"\n") + 1
        yield line.sub(b"", held[:cut])
        held = held[cut:]
    yield line.sub(b"", held)
