"""HTTP/2 by hand, over TLS or with prior knowledge: requests that run beside each other, and frames that no library sends."""

import socket
import ssl
from collections import defaultdict
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from hpack import Encoder
from hyperframe.frame import GoAwayFrame

from harness.wait import DEADLINE_S


class Stream:
    """What has come of one answer."""

    def __init__(self):
        self.status = None
        self.headers = {}
        self.body = b""
        self.ended = False
        self.reset = None     # the error code of RST_STREAM
        self.trailers = {}


class H2Wire:
    """One connection to a server. `window` is what each answer may send before it is read on; None: as much as it likes."""

    def __init__(self, url, ca_file=None, window=None, timeout_s=DEADLINE_S):
        parts = urlsplit(url)
        self.authority = parts.netloc
        self.scheme = parts.scheme
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout_s)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca_file)
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.reads_on = window is None
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.streams = defaultdict(Stream)
        self.received = bytearray()
        self.goaway = None         # (error code, debug data, last stream)
        self.closed = False
        self.settings = {}
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.socket.close()

    def flush(self):
        self.send(self.h2.data_to_send())

    def send(self, data: bytes):
        """Raw bytes; a server that has hung up is no error here, for what it said before may still be read."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def request(self, method, path, headers=(), body=None, end=True):
        """Sends a request and returns its stream id; with `end` False the body goes on with `data`."""
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", self.scheme), (":authority", self.authority), *headers]
        self.h2.send_headers(stream, fields, end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.data(stream, body, end)
        return stream

    def data(self, stream, body, end=True):
        """Sends a piece of a body as the server's windows allow."""
        while body and not self.closed and not self.streams[stream].reset and not self.streams[stream].ended:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room == 0:
                self.read_some()
                continue
            self.h2.send_data(stream, body[:room])
            self.flush()
            body = body[room:]
        if end and not self.closed and not self.streams[stream].reset:
            self.h2.end_stream(stream)
            self.flush()

    def post(self, path, body, key=None, headers=()):
        fields = [("content-type", "application/json"), *headers]
        return self.request("POST", path, fields + ([("authorization", f"Bearer {key}")] if key else []), body)

    def reset(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self.flush()

    def read_some(self):
        """Reads once. False when the server has closed the connection."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            self.closed = True
            return False
        self.received += data
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            # What raw frames have done to the library's idea of the streams; the end is all that counts then.
            self._look_for_goaway()
            return True
        for event in events:
            self._take(event)
        self.flush()
        return True

    def _look_for_goaway(self):
        # Frame by frame, as they came from the connection's beginning.
        at = 0
        while at + 9 <= len(self.received):
            length, kind = int.from_bytes(self.received[at:at + 3], "big"), self.received[at + 3]
            payload = self.received[at + 9:at + 9 + length]
            if kind == 7 and len(payload) == length:
                frame = GoAwayFrame(0)
                frame.parse_body(memoryview(bytes(payload)))
                self.goaway = (frame.error_code, frame.additional_data, frame.last_stream_id)
            at += 9 + length

    def _take(self, event):
        stream = self.streams[getattr(event, "stream_id", 0) or 0]
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
            stream.status = int(stream.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.reads_on and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = (int(event.error_code), event.additional_data or b"", event.last_stream_id)
            # The library would take no more frames, but what runs goes on after a GOAWAY (RFC 9113, 6.8).
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings.update({int(code): change.new_value for code, change in event.changed_settings.items()})

    def read_until(self, done):
        """Reads until `done()` or the server closes; says whether it is done."""
        while not done():
            if not self.read_some():
                return done()
        return True

    def answer(self, stream):
        """The whole answer of a stream."""
        one = self.streams[stream]
        self.read_until(lambda: one.ended or one.reset is not None)
        assert one.ended or one.reset is not None, f"the server closed the connection: {self.goaway}"
        return one

    def wait_for_the_end(self):
        """Reads until the server closes the connection; what its GOAWAY said: (error code, message)."""
        self.read_until(lambda: False)
        return self.goaway[:2] if self.goaway else None


def frame(frame_type, flags, stream, payload=b""):
    """A frame as bytes."""
    return len(payload).to_bytes(3, "big") + bytes([frame_type, flags]) + stream.to_bytes(4, "big") + payload


def head(*fields, encoder=None):
    """A packed block of header fields."""
    return (encoder or Encoder()).encode(list(fields))
