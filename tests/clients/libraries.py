"""Runs the scripts that use client libraries and grpcio, and checks from outside what they cannot see themselves.

A script prints one JSON line for each check, and one for each thing that is to be verified at the upstream or in the
ledger.
"""

import json
import os
import pathlib
import subprocess

import dialects
import harness
from world import GREETING, MID, MOCK_SECRET

HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds, of the 30 that the upstream would go on: for one leave on a busy machine. `faults` takes the exact measure.
CLOSED_WITHIN = 2.0
# Who asks: what is printed, where its packages are, and its script.
LIBRARIES = {
    "python": ("openai for python", "venv", "openai_python.py"),
    "node": ("openai for node", "node", "openai_node.mjs"),
    "responses": ("openai for python, Responses", "venv", "responses_python.py"),
    "anthropic": ("anthropic for python", "venv", "anthropic_python.py"),
    "anthropic-node": ("anthropic for node", "node", "anthropic_node.mjs"),
    "google": ("google-genai for python", "venv", "google_python.py"),
    "langchain": ("langchain-openai for python", "venv-frameworks", "langchain_python.py"),
    "litellm": ("litellm and instructor for python", "venv-frameworks", "frameworks_python.py"),
    "pydantic": ("pydantic-ai for python", "venv", "pydantic_python.py"),
    "conformance": ("answers, held against OpenAI's own description", "venv", "conformance.py"),
    "schema": ("schemathesis on OpenAI's own description", "venv", "schema.py"),
    "vercel": ("ai for node", "node", "vercel_node.mjs"),
}

# Those that need the description.
DESCRIBED = ["conformance", "schema"]


def run(report, world, ledger, wanted):
    for who in wanted:
        title, *where = LIBRARIES[who]
        report.section(title)
        if who in DESCRIBED and not openapi().is_file():
            print(f"  skipped: {openapi()} is missing; OPENAI_OPENAPI names another place", flush=True)
            continue
        one_library(report, world, ledger, who, command(world, *where))


def openapi():
    """OpenAI's description of its API, which is not in this repository."""
    return pathlib.Path(os.environ.get("OPENAI_OPENAPI", f"{HERE}/../../../shared/data/specs/openai-openapi.yaml"))


def command(world, packages, script):
    if packages != "node":
        return [world.tools / packages / "bin/python", f"{HERE}/{script}"]
    # A module is looked for beside its script, and the packages are not there: so the scripts go to them.
    for name in {"probe.mjs", script}:
        (world.tools / packages / name).write_text(open(f"{HERE}/{name}").read())
    return ["node", world.tools / packages / script]


def one_library(report, world, ledger, who, command):
    env = {
        "WHO": who, "GATEWAY": world.gateway, "KEY": world.key, "ROUTER": world.router, "GREETING": GREETING,
        "MOCK": world.mock_url, "MOCK_SECRET": MOCK_SECRET, "FAULTS": ",".join(MID),
        "NARROW_KEY": world.narrow_key, "FOLDER": str(world.folder), "OPENAI_OPENAPI": str(openapi()), "MOCKS": ",".join(dialects.SPOKEN), "FAULTY": ",".join(dialects.FAULTY), "BROKEN": ",".join(dialects.BROKEN),
    }
    told_by(report, world, ledger, who, command, env)


def engine(report, world, ledger):
    """The engine's own services, over TCP, by the client that anybody would generate from the proto files."""
    report.section("grpcio for python, at the engine")
    platform = json.loads(world.command("keys", "create", "--name", "python operator", "--platform", "--json"))["key"]
    env = {
        "ENGINE": world.engine, "PLATFORM_KEY": platform, "ROUTING_KEY": world.key,
        "PROTOS": os.path.join(HERE, "../../proto/proto"),
    }
    command = [world.tools / "venv/bin/python", f"{HERE}/engine_python.py"]
    told_by(report, world, ledger, "grpc", command, env)


def told_by(report, world, ledger, who, command, env):
    env = {**env, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, **env}, capture_output=True, text=True, timeout=1200,
    )
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if "check" in told:
            report.check(f"{who}: {told['check']}", told["ok"], told.get("detail", ""))
        elif "row" in told:
            ledger.expect(told["row"], told["outcome"], told["what"])
        elif "left" in told:
            left(report, world, ledger, who, told)
    if done.returncode:
        report.check(f"{who}: the script runs to its end", False, done.stderr.strip()[-400:])


def left(report, world, ledger, who, told):
    """The caller has left: the upstream must have been closed, and the ledger must say so."""
    def closed():
        late = world.closed_after(told["left"], told["at"])
        harness.expect(late <= CLOSED_WITHIN, f"the upstream was closed {late:.1f} s after the caller left")
        return f"{late * 1e3:.1f} ms"

    report.attempt(f"{who}: the upstream is closed when the caller leaves ({told['when']})", closed)
    ledger.expect_last(f"patient/{told['left']}", "client_cancelled", f"{who} left ({told['when']})")
