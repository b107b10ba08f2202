"""The component `Names` as tests need it: what it does depends on the name."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))
import names

# Whoever waits at the other end learns when this process has ended.
LIFE = socket.create_connection(("127.0.0.1", int(os.environ["HELLO_LIFE"]))) if "HELLO_LIFE" in os.environ else None

seen = set()


class Odd(names.Face):
    def address(self, name):
        key = self.headers["Idempotency-Key"]
        if name == "slow":
            time.sleep(600)
        if name == "wrong":
            return {"title": None, "name": 7}
        if name == "wrong error":
            raise names.MethodError("invalid_argument", "NameError", {"Length": {"chars": "many"}})
        if name == "dies":
            print("a last word", file=sys.stderr, flush=True)
            os._exit(3)
        if name == "cut once" and key not in seen:
            seen.add(key)
            self.connection.shutdown(socket.SHUT_RDWR)
        if name == "bug":
            raise ValueError("a bug")
        return names.address(str(os.getpid()) if name == "pid" else name)

    def do_POST(self):
        self.methods = {"/Names/address": self.address}
        super().do_POST()


names.serve(Odd)
