"""Bytes of a raw file as they come: decompressed, as UTF-8, with comment lines blank.

Raw files as streams of UTF-8: their format, compression, encoding and comments."""

import bz2
import codecs
import contextlib
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from scripts.data.formats import PACKED
from scripts.errors import BadInput
from scripts.ingest.csv_scan import line_ends

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


BOM = b"\xef\xbb\xbf"
NEAR = 1 << 12  # bytes
UTF8 = ("utf-8", "utf-8-sig")
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid, OSError)


def files(raw: Path) -> list[Path]:
    """Return the files of the folder *raw* in the order of their names; hidden ones do not count. Raises BadInput."""
    found = [path for path in raw.rglob("*") if path.is_file()]
    found = [path for path in found if not any(part[0] == "." for part in path.relative_to(raw).parts)]
    found.sort(key=name_in(raw))
    if not found:
        raise BadInput(f"{raw} holds no file; the span's pointer names an empty folder: add the data with `dvc add`")
    for path in found:
        if not path.stat().st_size:
            raise BadInput(
                f"{name_in(raw)(path)} is empty (0 bytes); rows of the columns of ingest.columns were expected"
            )
    return found


def name_in(raw: Path) -> Callable[[Path], str]:
    """Return the function that names a file as seen from the folder *raw*."""

    def name(path: Path) -> str:
        return path.relative_to(raw).as_posix()

    return name


class Text:
    """The text of a file from byte *start* on, decompressed, in UTF-8, with comment lines blank.

    Positions are those of this text, not of the file. Raises BadInput where the file is damaged or in another encoding.
    """

    def __init__(self, path: Path, name: str, options: dict, start: int = 0):
        self.name, self.encoding, self.rest = name, options["encoding"], b""
        try:
            codec = codecs.lookup(self.encoding).name
        except LookupError as error:
            raise BadInput(f"{name} cannot be read as {self.encoding}: {error}; see ingest.encoding") from error
        self.file = None
        if path.suffix not in PACKED and codec in UTF8 and not options["comment"]:
            self.file = io.FileIO(path)
            self.file.seek(start)
            return
        self.pieces = unpacked(path)
        if codec not in UTF8:
            self.pieces = recoded(self.pieces, codec)
        if options["comment"]:
            self.pieces = uncommented(self.pieces, options["comment"])
        while start and (passed := self.read(min(start, PIECE))):
            start -= len(passed)

    def read(self, size: int) -> bytes:
        """Return the next *size* bytes, fewer at the end."""
        try:
            if self.file:
                return self.file.read(size)
            parts, have = [self.rest], len(self.rest)
            while have < size and (piece := next(self.pieces, None)) is not None:
                parts.append(piece)
                have += len(piece)
        except UnicodeDecodeError as error:
            raise BadInput(f"{self.name} cannot be read as {self.encoding}: {error}; see ingest.encoding") from error
        except DAMAGED as error:
            raise BadInput(f"{self.name} is damaged or cut off: {error}; get the file again") from error
        text = b"".join(parts)
        self.rest = text[size:]
        return text[:size]

    def line_end(self, size: int) -> int:
        """Return after how many bytes, *size* or a few less, the last line ends, or *size* where that is not known."""
        if not self.file or size < NEAR:
            return size
        tail = os.pread(self.file.fileno(), NEAR, self.file.tell() + size - NEAR)
        return size - NEAR + tail.rfind(b"\n") + 1 if len(tail) == NEAR and b"\n" in tail else size

    def unread(self, text: bytes) -> None:
        """Give the last bytes that were read back, to be read again."""
        if self.file:
            self.file.seek(-len(text), os.SEEK_CUR)
        else:
            self.rest = text + self.rest


class Unreadable(Exception):
    """Text of a block cannot be used: on which line of it (from 0), and why."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line

    def at(self, name: str, line: int, encoding: str) -> BadInput:
        """Return what the user is told where the block starts on *line* of the file *name*."""
        return BadInput(f"{name}, line {line + self.line}: {str(self).replace('ENCODING', encoding)}")


def check_text(raw: bytes) -> None:
    """Raise Unreadable unless *raw* is UTF-8 without NUL."""
    if b"\0" in raw:
        line = int((line_ends(raw) < raw.index(b"\0")).sum())
        raise Unreadable(line, "a NUL byte (0x00) in ENCODING text; for UTF-16 say ingest.encoding: utf-16")
    if raw.isascii():
        return
    try:
        str(raw, "utf-8")
    except UnicodeDecodeError as error:
        line = int((line_ends(raw) < error.start).sum())
        byte = error.start - max(raw.rfind(b"\n", 0, error.start), raw.rfind(b"\r", 0, error.start))
        reason = f"byte {byte} (0x{raw[error.start]:02x}) cannot be read as ENCODING: {error.reason}"
        raise Unreadable(line, f"{reason}; see ingest.encoding") from error
