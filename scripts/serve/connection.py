"""One HTTP connection to the model server: uvicorn's protocol, with limits for clients that are slow or never finish.

A request that asks to change the protocol (`Upgrade: h2c`, as Java's client sends it) is answered in HTTP/1.1.
"""

import asyncio
import time

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_CONNECTIONS = 500
MAX_HEAD = 64 << 10
HEAD_SECONDS = 10
STOP_SECONDS = 0.3  # in which a stopping server still answers what clients sent before they knew


def error_reply(code: str, message: str, column: str | None = None, row: int | None = None) -> dict:
    """Return the JSON body of an HTTP error."""
    return {"error": {"code": code, "message": message, "column": column, "row": row}}


class Connection(HttpToolsProtocol):
    """A connection whose requests must have a whole head, of at most MAX_HEAD bytes, within HEAD_SECONDS.

    Of more than MAX_CONNECTIONS, the one that has waited longest without a request is closed. A client that has closed
    its sending side still gets its answer.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start to wait for a request."""
        super().connection_made(transport)
        self.waiting_since = time.monotonic()
        self.reads_head, self.head_size = False, 0
        self.is_last = False
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self.give_up_head)
        if len(self.connections) > MAX_CONNECTIONS:
            waiting = [link for link in self.connections if link.is_waiting and not link.transport.is_closing()]
            min(waiting, key=lambda link: link.waiting_since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.head_timer.cancel()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered or has a whole head."""
        return self.cycle is None or self.cycle.response_complete

    def give_up_head(self) -> None:
        """Close a connection whose request did not get a whole head in time."""
        if self.reads_head:
            self.refuse(408, "TOO_SLOW", f"no whole head in {HEAD_SECONDS} seconds")
        else:
            self.transport.close()

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer with an error and close the connection."""
        body = orjson.dumps(error_reply(code, message))
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self.refuse(400, "INVALID_HTTP", msg)

    def data_received(self, data: bytes) -> None:
        """Parse *data*, and refuse a head that is too large."""
        if self.reads_head:
            self.head_size += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(f"the request is not HTTP: {error}")
        if self.reads_head and self.head_size > MAX_HEAD and not self.transport.is_closing():
            self.refuse(431, "TOO_LARGE", f"the head of the request is larger than {MAX_HEAD} bytes")

    def on_message_begin(self) -> None:
        """Start to read the head of a request."""
        super().on_message_begin()
        self.reads_head, self.head_size = True, 0
        self.head_timer.cancel()
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self.give_up_head)

    def on_headers_complete(self) -> None:
        """Start to answer a request."""
        self.reads_head = False
        self.head_timer.cancel()
        super().on_headers_complete()
        if self.is_last:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection after its next answer, which says so, or soon if nothing more is asked."""
        self.is_last = True
        if self.is_waiting:
            self.loop.call_later(STOP_SECONDS, self.close_if_waiting)
        else:
            self.cycle.keep_alive = False

    def close_if_waiting(self) -> None:
        """Close the connection unless a request is being answered."""
        if self.is_waiting:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.waiting_since = time.monotonic()
        super().on_response_complete()

    def _should_upgrade(self) -> bool:  # uvicorn then leaves the request alone, until ignore_upgrade() parses it again
        return True

    def ignore_upgrade(self, rest: bytes) -> None:
        """Parse the request again without its upgrade, followed by the *rest* of what was received.

        The parser takes what follows the head of an upgrade for another protocol, but HTTP/1.1 goes on.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            return self.refuse(405, "WRONG_METHOD", "the server is not a proxy")
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        head = b"%s %s HTTP/%s\r\n" % (method, self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([head, *lines, b"\r\n", rest]))

    def eof_received(self) -> bool:
        """Return whether to keep the connection: until the answer is sent, if the request is complete."""
        if self.is_waiting or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True
