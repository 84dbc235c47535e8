"""A certificate authority for one test run, made with the openssl program, and a server certificate signed by it."""

import ssl
import subprocess
from pathlib import Path


class Authority:
    """`ca_file` is what a client must trust; `server_context()` serves 127.0.0.1, ::1 and localhost."""

    def __init__(self, folder: Path, names="IP:127.0.0.1,IP:::1,DNS:localhost"):
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key, request, extensions = folder / "ca.key", folder / "server.csr", folder / "extensions"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca_file, "-days", "2", "-subj", "/CN=Sluice test CA",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        self._openssl("req", "-new", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=provider")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", ca_key, "-CAcreateserial",
                      "-days", "2", "-out", self.certificate, "-extfile", extensions)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
