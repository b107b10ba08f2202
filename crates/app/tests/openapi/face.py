"""Holds a document of OpenAPI to the face that it describes: validates the document, what the face answers, and what it is
asked; then generates a client from it, and asks by that one.

usage: face.py DOCUMENT ADDRESS FOLDER
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

path, address, folder = sys.argv[1:4]
with open(path) as file:
    document = json.load(file)
validate(document)


def conforms(value, schema):
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def call(method, arguments):
    """The status and the answer, both held to the document."""
    operation = document["paths"]["/Odd/" + method]["post"]
    body = lambda of: of["content"]["application/json"]["schema"]
    conforms(arguments, body(operation["requestBody"]))
    data = json.dumps(arguments).encode()
    request = urllib.request.Request(
        f"http://{address}/Odd/{method}", data, {"content-type": "application/json", "connect-timeout-ms": "20000"}
    )
    try:
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
            conforms(answer, body(operation["responses"]["200"]))
            return 200, answer
    except urllib.error.HTTPError as error:
        answer = json.load(error)
        conforms(answer, body(operation["responses"]["default"]))
        ran = operation["responses"]["default"]["headers"]["terrace-ran"]["schema"]
        conforms(error.headers["terrace-ran"], ran)
        return error.code, answer


def expect(found, expected):
    assert found == expected, f"{found} is not {expected}"


for extreme in (False, True):
    status, everything = call("sample", {"extreme": extreme})
    expect(status, 200)
    expect(call("echo", {"value": everything}), (200, everything))
tree = {"name": "root", "children": [{"name": "leaf", "children": []}]}
expect(call("grow", {"tree": tree})[1]["name"], "root")
expect(call("nothing", {}), (200, None))
expect(call("perhaps", {}), (200, None))
expect(call("perhaps", {"number": 7}), (200, 7))
status, refused = call("refuse", {"why": "no room"})
expect(status, 404)
expect(refused["details"][0]["debug"], {"No": {"why": "no room"}})
status, wrong = call("refuse", {"why": "panic"})
expect((status, wrong["code"]), (500, "internal"))

programs = os.path.dirname(sys.executable)
environment = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
generator = os.path.join(programs, "openapi-python-client")
output = os.path.join(folder, "odd_client")
command = [generator, "generate", "--path", path, "--meta", "none", "--overwrite", "--output-path", output]
made = subprocess.run(command, env=environment, capture_output=True, text=True)
assert made.returncode == 0, made.stdout + made.stderr
# What it cannot make it leaves out, and says so.
assert "WARNING" not in made.stdout + made.stderr, made.stdout + made.stderr
sys.path.insert(0, folder)
from odd_client import Client
from odd_client.api.odd import odd_echo, odd_grow, odd_perhaps, odd_refuse, odd_sample
from odd_client.models import OddEchoBody, OddGrowBody, OddNode, OddPerhapsBody, OddRefuseBody, OddSampleBody

client = Client(base_url=f"http://{address}")
for extreme in (False, True):
    everything = odd_sample.sync(client=client, body=OddSampleBody(extreme=extreme))
    expect(odd_echo.sync(client=client, body=OddEchoBody(value=everything)), everything)
grown = odd_grow.sync(client=client, body=OddGrowBody(tree=OddNode(name="root", children=[])))
expect(grown.name, "root")
expect(odd_perhaps.sync(client=client, body=OddPerhapsBody(number=7)), 7)
failure = odd_refuse.sync(client=client, body=OddRefuseBody(why="no room"))
expect(failure.code.value, "not_found")
expect(failure.details[0].debug.no.why, "no room")

print("it conforms")
