"""An https server on this machine whose paths answer well, badly, slowly or not at all."""

import hashlib
import shutil
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import utils.data_loaders as data

NAMES = "\n".join(f"{a}{b}{c}" for a in "abcdef" for b in "aeiou" for c in "lmnr").encode()
PAGE = b"<!DOCTYPE html><html><body>Sign in to the network</body></html>"
Answer = bytes | Callable[[BaseHTTPRequestHandler], None]


def make_certificate(folder: Path) -> Path | None:
    """A certificate for 127.0.0.1 and its key in one file, or None where there is no openssl."""
    if shutil.which("openssl") is None:
        return None
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    options = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate


class DataServer:
    """`server.answers["/path"] = bytes or function`; `server.url("/path")`; `server.hits` counts requests."""

    def __init__(self, certificate: Path | None):
        self.answers: dict[str, Answer] = {}
        self.hits: Counter[str] = Counter()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if certificate else "http"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}{path}"

    def serve(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url(path)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        data_server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                data_server.hits[self.path] += 1
                answer = data_server.answers.get(self.path, status(404))
                if isinstance(answer, bytes):
                    answer = whole(answer)
                try:
                    answer(self)
                except OSError:  # the client has gone
                    self.close_connection = True

            def log_message(self, *_):
                pass

        return Handler


def whole(data: bytes, delay: float = 0.0) -> Answer:
    def answer(handler):
        time.sleep(delay)
        _head(handler, 200, {"Content-Length": len(data)})
        handler.wfile.write(data)

    return answer


def status(code: int) -> Answer:
    return lambda handler: _head(handler, code, {"Content-Length": 0})


def redirect(target: str) -> Answer:
    return lambda handler: _head(handler, 302, {"Location": target, "Content-Length": 0})


def half(data: bytes) -> Answer:
    def answer(handler):
        _head(handler, 200, {"Content-Length": len(data)})
        handler.wfile.write(data[: len(data) // 2])
        handler.wfile.flush()
        handler.connection.close()

    return answer


def endless(chunk: bytes, sent: list[int] | None = None) -> Answer:
    def answer(handler):
        _head(handler, 200, {"Connection": "close"})
        while True:
            handler.wfile.write(chunk)
            if sent is not None:
                sent.append(len(chunk))

    return answer


def stalled(seconds: float = 3.0) -> Answer:
    def answer(handler):
        _head(handler, 200, {"Content-Length": 1000})
        handler.wfile.write(b"ham\t")
        handler.wfile.flush()
        time.sleep(seconds)

    return answer


def failing_first(n: int, answer: Answer) -> Answer:
    """Status 503 `n` times, then `answer`."""
    left = [n]

    def choose(handler):
        left[0] -= 1
        (status(503) if left[0] >= 0 else answer)(handler)

    return choose


def _head(handler: BaseHTTPRequestHandler, code: int, headers: dict) -> None:
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files_in(folder):
    return sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"
    )


def expect_stand_in(tmp_path, capsys, *words, load=data.load_names):
    """The stand-in came, one line says why, and the cache holds not a byte."""
    assert load().is_stand_in
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    for word in words:
        assert word in said
    assert files_in(tmp_path) == []
