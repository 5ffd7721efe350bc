"""Raw files as streams of UTF-8 text: decompressed, recoded, and with comment lines blanked."""

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

from scripts.data.formats import COMPRESSIONS
from scripts.errors import InputError
from scripts.ingest.csv_scan import line_ends

OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
CHUNK_BYTES = 1 << 20  # bytes
TAIL_BYTES = 1 << 12  # bytes
BOM = b"\xef\xbb\xbf"
UTF8 = ("utf-8", "utf-8-sig")
READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid, OSError)


def decompress(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed as its suffix says."""
    if path.suffix == ".zst":
        file = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    else:
        file = OPENERS.get(path.suffix, io.FileIO)(path)
    with contextlib.closing(file):
        while piece := file.read(CHUNK_BYTES):
            yield piece


def recode(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield text in *encoding* as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", True).encode()


def blank_comments(pieces: Iterator[bytes], comment: str) -> Iterator[bytes]:
    """Yield text in which lines that start with *comment* are blank."""
    line = re.compile(rb"^" + re.escape(comment.encode()) + rb".*?(?=[\r\n]|\Z)", re.M)
    pending = b""
    for piece in pieces:
        pending += piece
        cut = pending.rfind(b"\n") + 1
        yield line.sub(b"", pending[:cut])
        pending = pending[cut:]
    yield line.sub(b"", pending)


def list_files(raw: Path) -> list[Path]:
    """Return the files below *raw*, hidden ones excepted, in the order of their names.

    Raises InputError if there is no file, or an empty one.
    """
    found = [path for path in raw.rglob("*") if path.is_file()]
    found = [path for path in found if not any(part[0] == "." for part in path.relative_to(raw).parts)]
    found.sort(key=relative_namer(raw))
    if not found:
        raise InputError(f"{raw} has no file: the span's pointer names an empty folder; add the data with `dvc add`")
    for path in found:
        if not path.stat().st_size:
            raise InputError(
                f"{relative_namer(raw)(path)} is empty (0 bytes); rows of the columns of ingest.columns were expected"
            )
    return found


def relative_namer(raw: Path) -> Callable[[Path], str]:
    """Return a function that returns the path of a file relative to the folder *raw*."""

    def name(path: Path) -> str:
        return path.relative_to(raw).as_posix()

    return name


class TextStream:
    """The text of a file from byte *start* on: decompressed, in UTF-8, with comment lines blanked.

    Positions refer to this text, not to the file. Raises InputError if the file is damaged or in another encoding.
    """

    def __init__(self, path: Path, name: str, options: dict, start: int = 0):
        self.name, self.encoding, self.buffered = name, options["encoding"], b""
        try:
            codec = codecs.lookup(self.encoding).name
        except LookupError as error:
            raise InputError(f"{name} cannot be read as {self.encoding}: {error}; see ingest.encoding") from error
        self.file = None
        if path.suffix not in COMPRESSIONS and codec in UTF8 and not options["comment"]:
            self.file = io.FileIO(path)
            self.file.seek(start)
            return
        self.pieces = decompress(path)
        if codec not in UTF8:
            self.pieces = recode(self.pieces, codec)
        if options["comment"]:
            self.pieces = blank_comments(self.pieces, options["comment"])
        while start and (passed := self.read(min(start, CHUNK_BYTES))):
            start -= len(passed)

    def read(self, size: int) -> bytes:
        """Return the next *size* bytes, fewer at the end. Raises InputError."""
        try:
            if self.file:
                return self.file.read(size)
            parts, have = [self.buffered], len(self.buffered)
            while have < size and (piece := next(self.pieces, None)) is not None:
                parts.append(piece)
                have += len(piece)
        except UnicodeDecodeError as error:
            raise InputError(f"{self.name} cannot be read as {self.encoding}: {error}; see ingest.encoding") from error
        except READ_ERRORS as error:
            raise InputError(f"{self.name} is damaged or truncated: {error}; get the file again") from error
        text = b"".join(parts)
        self.buffered = text[size:]
        return text[:size]

    def last_line_end(self, size: int) -> int:
        """Return how many of the next *size* bytes end with the last line break among them, or *size* if unknown."""
        if not self.file or size < TAIL_BYTES:
            return size
        tail = os.pread(self.file.fileno(), TAIL_BYTES, self.file.tell() + size - TAIL_BYTES)
        return size - TAIL_BYTES + tail.rfind(b"\n") + 1 if len(tail) == TAIL_BYTES and b"\n" in tail else size

    def unread(self, text: bytes) -> None:
        """Return *text*, the last bytes that were read, to the stream."""
        if self.file:
            self.file.seek(-len(text), os.SEEK_CUR)
        else:
            self.buffered = text + self.buffered


class UnreadableBlock(Exception):
    """A block of text cannot be used because of what is on *line* (from 0) of it."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line

    def to_input_error(self, name: str, line: int, encoding: str) -> InputError:
        """Return the error for the user, given that the block starts on *line* of the file *name*."""
        return InputError(f"{name}, line {line + self.line}: {str(self).replace('ENCODING', encoding)}")


def check_text(raw: bytes) -> None:
    """Raise UnreadableBlock unless *raw* is UTF-8 without NUL."""
    if b"\0" in raw:
        line = int((line_ends(raw) < raw.index(b"\0")).sum())
        raise UnreadableBlock(line, "a NUL byte (0x00) in ENCODING text; for UTF-16 set ingest.encoding: utf-16")
    if raw.isascii():
        return
    try:
        str(raw, "utf-8")
    except UnicodeDecodeError as error:
        line = int((line_ends(raw) < error.start).sum())
        byte = error.start - max(raw.rfind(b"\n", 0, error.start), raw.rfind(b"\r", 0, error.start))
        reason = f"byte {byte} (0x{raw[error.start]:02x}) cannot be read as ENCODING: {error.reason}"
        raise UnreadableBlock(line, f"{reason}; see ingest.encoding") from error
