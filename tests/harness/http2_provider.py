"""A provider that speaks HTTP/2, with prior knowledge or over TLS, and keeps what it is asked."""

import json
import socket
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


class Http2Request:
    """One request and the way to answer it. The methods may be called from any thread."""

    def __init__(self, connection, stream, headers):
        self.connection = connection
        self.stream = stream
        self.headers = dict(headers)
        self.body = b""
        self.reset = threading.Event()  # the other side has taken it back

    @property
    def path(self):
        return self.headers[":path"]

    def json(self):
        return json.loads(self.body)

    def respond(self, body, status=200, content_type="application/json", fields=()):
        self.begin(status, content_type, fields)
        self.write(body, end=True)

    def begin(self, status=200, content_type="text/event-stream", fields=()):
        self.connection.locked(lambda h: h.send_headers(
            self.stream, [(":status", str(status)), ("content-type", content_type), *fields]))

    def write(self, body, end=False):
        """As fast as the other side's windows allow; stops when it takes the request back."""
        while body:
            with self.connection.lock:  # under which it is told, too, that the request has gone
                if self.reset.is_set() or self.connection.closed:
                    return
                room = min(self.connection.h2.local_flow_control_window(self.stream), self.connection.h2.max_outbound_frame_size)
                piece, body = body[:room], body[room:]
                if piece:
                    self.connection.h2.send_data(self.stream, piece)
                    self.connection.flush()
            if not room:
                self.connection.window_opened.wait(0.05)
                self.connection.window_opened.clear()
        if end:
            self.connection.locked(lambda h: h.end_stream(self.stream))

    def refuse(self):
        self.connection.locked(lambda h: h.reset_stream(self.stream, h2.errors.ErrorCodes.REFUSED_STREAM))


class Http2Connection:
    def __init__(self, provider, sock):
        self.provider = provider
        self.socket = sock
        self.lock = threading.RLock()
        self.window_opened = threading.Event()
        self.closed = False
        self.resumed = getattr(sock, "session_reused", False)
        self.requests = {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        if provider.streams:
            self.h2.local_settings = h2.settings.Settings(
                client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: provider.streams})
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        try:
            self.socket.sendall(self.h2.data_to_send())
        except OSError:
            self.closed = True

    def locked(self, action):
        with self.lock:
            try:
                action(self.h2)
            except (h2.exceptions.ProtocolError, KeyError):
                return  # the stream has gone
            self.flush()

    def goaway(self, last_stream):
        self.locked(lambda h: h.close_connection(last_stream_id=last_stream))
        self.h2.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN  # what runs goes on

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def serve(self):
        while not self.closed:
            try:
                data = self.socket.recv(65536)
            except OSError:
                break
            if not data:
                break
            with self.lock:
                for event in self.h2.receive_data(data):
                    self._take(event)
                self.flush()
        self.closed = True
        for request in self.requests.values():
            request.reset.set()

    def _take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = Http2Request(self, event.stream_id, event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id].body += event.data
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            request = self.requests[event.stream_id]
            self.provider.requests.append(request)
            threading.Thread(target=self.provider.answer, args=(request,), daemon=True).start()
        elif isinstance(event, h2.events.StreamReset):
            self.requests[event.stream_id].reset.set()
        elif isinstance(event, h2.events.WindowUpdated):
            self.window_opened.set()


class Http2Provider:
    """`answer(request)` runs in a thread of its own for each request. `streams`: how many it takes on one connection."""

    def __init__(self, tls=None, streams=None):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.streams = streams
        self.connections = []
        self.requests = []
        self.answer = lambda request: request.respond(b"{}")
        if tls:
            tls.set_alpn_protocols(["h2"])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            connection = Http2Connection(self, sock)
        except OSError:
            return
        self.connections.append(connection)
        connection.serve()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # see recorder.Recorder.stop
        self._listener.close()
        for connection in self.connections:
            connection.close()
