"""A socket in front of a server that passes every byte on as it is and remembers what the clients sent."""

import re
import socket
import threading


class Passage:
    """Listens on an ephemeral port in front of `port`; `with Passage(port) as passage`."""

    def __init__(self, port):
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._sent = []  # one bytearray for each connection
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _shut(self._listener)  # see recorder.Recorder.stop
        self._listener.close()
        with self._lock:
            for one in self._open:
                _shut(one)

    def request_lines(self):
        """The first lines of the HTTP requests, in the order of the connections. What follows an upgrade is masked and is no line."""
        with self._lock:
            sent = [bytes(one) for one in self._sent]
        return [line.decode() for one in sent for line in re.findall(rb"(?:^|\n|\})((?:GET|POST|HEAD) \S+ HTTP/1\.1)\r\n", one)]

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                return
            kept = bytearray()
            with self._lock:
                self._sent.append(kept)
                self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server, kept), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, None), daemon=True).start()

    def _pass(self, source, target, kept):
        try:
            while data := source.recv(65536):
                if kept is not None:
                    with self._lock:
                        kept += data
                target.sendall(data)
        except OSError:
            pass
        _shut(source)
        _shut(target)


def _shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
