"""The servers of a run and what Signalbox is told about them.

Every fault gets a model of its own, so that a breaker or a cooldown of one check is not felt by another: `raw-…` models
belong to the checks over bare HTTP, `python-…` and `node-…` to the two `openai` libraries. What every other client is
asked to do, against a provider of each dialect, is in `dialects`.
"""

import json
import os
import subprocess
from urllib.error import HTTPError

import dialects
import harness
import scripted

WHO = ["raw", "python", "node"]
MID = ["truncate", "disconnect", "malformed", "stall"]
EARLY = {
    "truncate": {"type": "stream_fault", "kind": "truncate", "after_chunks": 1},
    "disconnect": {"type": "stream_fault", "kind": "disconnect", "after_chunks": 1},
    "disconnect-at-once": {"type": "stream_fault", "kind": "disconnect", "after_chunks": 0},
    "malformed": {"type": "stream_fault", "kind": "malformed", "after_chunks": 1},
    "stall": {"type": "stream_fault", "kind": "stall", "after_chunks": 1},
    "slow": {"type": "slow_first_token", "seconds": 30},
    "500": {"type": "fail", "status": 500},
    "529": {"type": "fail", "status": 529},
    "429": {"type": "fail", "status": 429, "retry_after": 9},
    "400": {"type": "fail", "status": 400},
}
# Not `malformed`: the upstream hears of that end only after the call has come to it again, and takes them for two calls.
TWICE = ["truncate", "disconnect", "stall", "500"]
SCRIPTED = ["error-first", "error-first-then", "error-later", *scripted.RETRY_AFTER]
LEAVES = 5
# Longer than the gateway holds back the head of a stream.
LONG_SILENCE = 10.5
MOCK_SECRET = "mock-secret-of-the-upstream"
FAULTY_SECRET = "secret-of-the-faulty-upstream"
GREETING = "Good day from the mock upstream, in more than one chunk of text."
OUTCOMES = ["completed", "failed", "interrupted", "client_cancelled", "unknown_outcome"]
MILD = "It is mild in Paris."
WEATHER = {"name": "get_weather", "arguments": {"city": "Paris"}}


def leaving(who, when):
    """The models whose callers leave."""
    return [f"{who}-leave-{when}-{number}" for number in range(LEAVES)]


def fixtures():
    """What the mock upstream says, by the model it is asked for. The first that matches is taken."""
    found = []
    usage = {"usage": dialects.USAGE}
    for who in WHO:
        found += [
            {"match": {"model": f"{who}-429"}, "response": {"content": "never"}, "chaos": {"rateLimitRate": 1}},
            {"match": {"model": f"{who}-500"}, "response": {"content": "never"}, "chaos": {"dropRate": 1}},
            {"match": {"model": f"{who}-garbage"}, "response": {"content": "never"}, "chaos": {"malformedRate": 1}},
            {"match": {"model": f"{who}-gone"}, "response": {"content": "never"}, "chaos": {"disconnectRate": 1}},
        ]
    found += dialects.fixtures()
    found += [
        {"match": {"toolName": "get_weather", "hasToolResult": False}, "response": {"toolCalls": [WEATHER], **usage}},
        {"match": {"toolName": "get_weather", "hasToolResult": True}, "response": {"content": MILD, **usage}},
        {"match": {"responseFormat": "json_schema"}, "response": {"content": dialects.PERSON, **usage}},
        {"match": {}, "response": {"content": GREETING, **usage}},
    ]
    return {"fixtures": found}


def configuration(mock_url, llmock_url, scripted_url):
    """The configuration that is applied: JSON, which is YAML too."""
    def provider(slug, base_url, secret_env=None, timeouts=None):
        made = {"slug": slug, "base_url": base_url, "allow_private_network": True}
        made |= {"credentials": [{"name": "main", "secret_env": secret_env}]} if secret_env else {"allow_anonymous": True}
        return made | ({"timeouts": timeouts} if timeouts else {})

    def model(name, **more):
        return {
            "id": name, "context_length": 128000, "capability": 0.3, "capabilities": ["tools", "json_schema", "vision"],
            "pricing": {"prompt": "0.0000001", "completion": "0.0000004"}, **more,
        }

    short = {"first_token_ms": 700, "inter_chunk_ms": 400}
    providers = [
        provider("mock", f"{mock_url}/v1", "MOCK_SECRET"),
        provider("faulty", f"{llmock_url}/v1", "FAULTY_SECRET", short),
        provider("north", f"{llmock_url}/v1", "FAULTY_SECRET", short),
        provider("south", f"{llmock_url}/v1", "FAULTY_SECRET", short),
        provider("patient", f"{llmock_url}/v1", "FAULTY_SECRET"),
        provider("scripted", scripted_url),
    ]
    names = ["mock/small", "mock/large"]
    policies = [
        {"name": "mocked", "models": ["mock/small", "mock/large"], "strategy": "priority"},
        {"name": "clever", "models": ["mock/small", "mock/large"], "strategy": "intelligent"},
    ]

    def chain(name, *models):
        policies.append({"name": name, "models": list(models), "strategy": "priority"})

    for who in WHO:
        names += [f"mock/{who}-{kind}" for kind in ["429", "500", "garbage", "gone"]]
        names += [f"faulty/{who}-mid-{kind}" for kind in MID]
        names += [f"patient/{name}" for when in ["early", "middle"] for name in leaving(who, when)]
    for kind in MID:
        names.append(f"faulty/raw-mid-{kind}-then")
        chain(f"mid-{kind}-then", f"faulty/raw-mid-{kind}-then", "mock/small")
    for kind in EARLY:
        names += [f"faulty/raw-early-{kind}", f"faulty/raw-early-{kind}-then"]
        chain(f"early-{kind}-then", f"faulty/raw-early-{kind}-then", "mock/small")
    for kind in TWICE:
        names += [f"north/twice-{kind}", f"south/twice-{kind}"]
        chain(f"twice-{kind}", f"north/twice-{kind}", f"south/twice-{kind}")
    names += ["patient/held", "patient/held-alone", "patient/held-then"]
    chain("held-then", "patient/held-then", "mock/small")
    names += ["faulty/limited"] + [f"scripted/{name}" for name in SCRIPTED]
    chain("error-first-then", "scripted/error-first-then", "mock/small")
    models = [model(name, **({"capability": 0.9} if name == "mock/large" else {})) for name in names]
    providers += [provider(slug, url, secret, waits and short) | more
                  for slug, url, secret, waits, more in dialects.providers(mock_url, llmock_url)]
    models += [model(name, **more) for name, more in dialects.models()]
    routers = [{"name": "desk", "models": ["mock/small", "mock/large"], "policy": "mocked"}]
    return {"providers": providers, "models": models, "policies": policies, "routers": routers}


def behaviors():
    """What the faulty upstream does until it is told otherwise."""
    def at(model, behavior, times=None):
        return {**behavior, "times": times, "match": {"model": model}}

    def mid(kind):
        return {"type": "stream_fault", "kind": kind, "after_chunks": 3}

    found = [at(f"{who}-mid-{kind}", mid(kind)) for who in WHO for kind in MID]
    found += [at(f"raw-mid-{kind}-then", mid(kind)) for kind in MID]
    found += [at(f"raw-early-{kind}{then}", fault) for kind, fault in EARLY.items() for then in ["", "-then"]]
    found += [at(model, {**mid(kind), "after_chunks": after}) for model, kind, after in dialects.broken()]
    found += [at(model, mid("stall")) for model in dialects.left()]
    found.append(at("held*", {"type": "slow_first_token", "seconds": LONG_SILENCE}))
    found += [at(model, EARLY["truncate"]) for model in ["held-alone", "held-then"]]
    for who in WHO:
        found += [at(name, mid("stall")) for name in leaving(who, "middle")]
        # Once only, so that it can be seen to have begun.
        found += [at(name, EARLY["slow"], times=1) for name in leaving(who, "early")]
    return found


class World:
    """Everything that runs during the checks."""

    def __init__(self, processes, tools, folder, signalbox):
        self.processes, self.tools, self.folder, self.signalbox = processes, tools, folder, signalbox
        self.data = folder / "data"

    def start(self):
        self.start_upstreams()
        self.start_signalbox()
        self.apply()

    def start_upstreams(self):
        port = harness.free_port()
        self.mock_url = f"http://127.0.0.1:{port}"
        path = self.folder / "fixtures.json"
        path.write_text(json.dumps(fixtures()))
        cli = self.tools / "node/node_modules/@copilotkit/aimock/dist/cli.js"
        options = ["-p", port, "-f", path, "--latency", "5", "--chunk-size", "8", "--log-level", "warn"]
        self.processes.start("aimock", ["node", cli, *options], {"AIMOCK_API_KEYS": MOCK_SECRET})
        port = harness.free_port()
        self.llmock_url = f"http://127.0.0.1:{port}"
        options = ["serve", "--host", "127.0.0.1", "--port", port, "--stream-chunk-delay-ms", "5"]
        self.processes.start("llmock", [self.tools / "venv/bin/llmock", *options, "--log-level", "warning"])
        self.scripted = scripted.start()
        self.scripted_url = f"http://127.0.0.1:{self.scripted.server_address[1]}/v1"
        harness.until("llmock", lambda: harness.fetch(f"{self.llmock_url}/health"))
        harness.until("aimock", lambda: self.mock_journal() is not None)

    def start_signalbox(self):
        any_port = [f"--{name}=127.0.0.1:0" for name in ["gateway", "console", "engine"]]
        ready = self.folder / "ready.json"
        with open(ready, "wb") as out:
            command = [self.signalbox, "up", "--data-dir", self.data, *any_port, "--demo", "--json"]
            process = self.processes.start("signalbox", command, stdout=out)

        def announced():
            if process.poll() is not None:
                raise SystemExit(f"signalbox ended with {process.returncode}: see {self.folder / 'signalbox.log'}")
            text = ready.read_text()
            return json.loads(text) if text.endswith("\n") else None

        told = harness.until("signalbox", announced, deadline=60)
        self.gateway, self.key = told["gateway"], told["api_key"]
        self.engine = told["engine"].removeprefix("http://")

    def apply(self):
        path = self.folder / "signalbox.yaml"
        path.write_text(json.dumps(configuration(self.mock_url, self.llmock_url, self.scripted_url), indent=1))
        env = {"MOCK_SECRET": MOCK_SECRET, "FAULTY_SECRET": FAULTY_SECRET}
        self.command("apply", "-f", path, env=env)
        self.router = next(row["id"] for row in self.listed("routers") if row["name"] == "desk")
        key = {"authorization": f"Bearer {self.key}"}
        models = lambda: [row["id"] for row in harness.fetch(f"{self.gateway}/v1/models", headers=key)["data"]]
        harness.until("the configuration at the gateway", lambda: "scripted/error-later" in models())

        narrow = ["--allow-model", "mock/small", "--allow-model", "mock/vectors"]
        made = self.command("keys", "create", "--name", "models of the mock only", *narrow, "--json")
        self.narrow_key = json.loads(made)["key"]

    def command(self, *words, env=None):
        command = [str(word) for word in [self.signalbox, *words, "--data-dir", self.data]]
        done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"signalbox {words[0]} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def listed(self, noun):
        found = json.loads(self.command(noun, "list", "--json"))
        return found if isinstance(found, list) else next(iter(found.values()))

    def logs(self):
        # At most a thousand are told at once: more than a run has of any one outcome.
        told = [self.command("logs", "--json", "--limit", "1000", "--outcome", outcome) for outcome in OUTCOMES]
        # Not `splitlines`, which takes more for the end of a line than JSON does.
        return [json.loads(line) for lines in told for line in lines.split("\n") if line]

    def mock_journal(self):
        headers = {"authorization": f"Bearer {MOCK_SECRET}"}
        try:
            return harness.fetch(f"{self.mock_url}/__aimock/journal", headers=headers)
        except HTTPError as fault:
            raise RuntimeError(f"the journal of the mock: {fault} {fault.read()}") from None

    def calls(self, native):
        """How often the mock upstream was called for a model."""
        return sum(1 for entry in self.mock_journal() if (entry.get("body") or {}).get("model") == native)

    def told_to(self, behaviors):
        harness.fetch(f"{self.llmock_url}/_llmock/scenario", {"behaviors": behaviors})

    def faulty_journal(self, model=None):
        rows = harness.fetch(f"{self.llmock_url}/_llmock/requests")["requests"]
        return [row for row in rows if model in (None, row["model"])]

    def closed_after(self, model, at):
        """How long after a moment the faulty upstream saw its caller go, in seconds."""
        row = harness.until(f"the end of {model}", lambda: self.faulty_journal(model))[-1]
        # Both read the monotonic clock of the machine.
        return row["ended_at"] - at

    def faulty_has_begun(self, model):
        pending = harness.fetch(f"{self.llmock_url}/_llmock/scenario")["pending"]
        return all(behavior["match"].get("model") != model for behavior in pending)

    def verdict(self, text=False):
        return harness.fetch(f"{self.llmock_url}/_llmock/verdict{'?format=text' if text else ''}")

    def forget(self):
        harness.fetch(f"{self.llmock_url}/_llmock/reset", {})
