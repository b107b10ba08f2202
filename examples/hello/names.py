"""The component `Names` in Python, by its standard library alone. `terrace.toml` makes it one:

    [external.Names]
    command = ["python3", "names.py"]

It serves Terrace's HTTP face: `POST /Names/address` with JSON, by the unary rules of the Connect protocol.
"""

import base64
import hmac
import json
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TITLES = {"Ada": "Countess", "Grace": "Rear Admiral"}
NAME_CHARS_MAX = 100
BODY_BYTES_MAX = 1 << 20


class MethodError(Exception):
    """The method's own error: a case of the component's enum, as serde writes it."""

    def __init__(self, code, type_name, value):
        super().__init__(code)
        self.code, self.type_name, self.value = code, type_name, value


def address(name):
    """How to address whoever is called `name`."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise MethodError("invalid_argument", "NameError", {"Length": {"chars": len(name)}})
    return {"title": TITLES.get(name), "name": name}


class Face(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Head and body of an answer leave together.
    wbufsize = -1
    timeout = 60
    methods = {"/Names/address": address}

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.fail(429, "resource_exhausted", "the body is too large")
        body = self.rfile.read(length)
        shown = self.headers.get("Authorization", "")
        if not hmac.compare_digest(shown, "Bearer " + os.environ.get("TERRACE_EXTERNAL_TOKEN", "")):
            return self.fail(401, "unauthenticated", "the token is missing or wrong")
        method = self.methods.get(self.path)
        if method is None:
            return self.fail(501, "unimplemented", f"there is nothing at {self.path}")
        try:
            arguments = json.loads(body)
        except ValueError as error:
            return self.fail(400, "invalid_argument", f"the arguments cannot be read: {error}")
        try:
            self.answer(200, method(**arguments))
        except MethodError as error:
            value = base64.b64encode(json.dumps(error.value).encode()).decode().rstrip("=")
            detail = {"type": error.type_name, "value": value, "debug": error.value}
            self.answer(400, {"code": error.code, "message": "see `details`", "details": [detail]})
        except TypeError as error:
            self.fail(400, "invalid_argument", str(error), ran="maybe")
        except Exception:
            traceback.print_exc()
            self.fail(500, "internal", "the method failed; the log says where", ran="maybe")

    def fail(self, status, code, message, ran="no"):
        self.answer(status, {"code": code, "message": message}, ran)

    def answer(self, status, value, ran="maybe"):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            self.send_header("Terrace-Ran", ran)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Calls are counted by whoever makes them."""


def end_with_parent():
    """Standard input ends when the program ends that has started this one, however it ends."""
    sys.stdin.read()
    os._exit(0)


def serve(face=Face):
    host, port = os.environ["TERRACE_EXTERNAL_ADDRESS"].rsplit(":", 1)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=end_with_parent, daemon=True).start()
    ThreadingHTTPServer((host, int(port)), face).serve_forever()


if __name__ == "__main__":
    serve()
