"""What the gateway answers, held against OpenAI's own description of its API.

Extra members are allowed, as they are for every client; what is described must be as described.
"""

import json
import os
import urllib.error
import urllib.request

import jsonschema
import yaml

from probe import GATEWAY, HELLO, KEY, MOCKS, PARAMETERS, PERSON, WEATHER, WHO, check, each



def nullable(schema):
    """Says the `nullable` of OpenAPI 3.0, which the description still uses, in words that its version has."""
    if isinstance(schema, list):
        return [nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: nullable(part) for name, part in schema.items()}
    return {"anyOf": [made, {"type": "null"}]} if made.pop("nullable", None) is True else made


with open(os.environ["OPENAI_OPENAPI"], encoding="utf-8") as file:
    COMPONENTS = nullable(yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["components"])
USER = {"messages": [{"role": "user", "content": HELLO}]}
ASK = {"messages": [{"role": "user", "content": WEATHER}]}
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
TOOL = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": False}
# aimock numbers none of its events, and what comes in the caller's own dialect goes by as it came: the same with what it
# leaves out of its answers. What is the mock's own is not held against the gateway.
OWN = {"mock-responses": {"Response", "ResponseStreamEvent"}}


def asked(path, body=None, key=KEY):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{GATEWAY}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read().decode()


def valid(name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": COMPONENTS}
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if faults:
        worst = jsonschema.exceptions.best_match(faults)
        raise AssertionError(f"no {name}: at {worst.json_path}: {worst.message[:200]}; {json.dumps(value)[:300]}")


def whole(path, body, name):
    status, text = asked(path, body)
    assert status == 200, f"status {status}: {text[:200]}"
    valid(name, json.loads(text))


def events(path, body, name):
    status, text = asked(path, {**body, "stream": True})
    assert status == 200, f"status {status}: {text[:200]}"
    found = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    values = [json.loads(data) for data in found if data != "[DONE]"]
    for value in values:
        valid(name, value)
    assert len(values) > 2, text
    return f"{len(values)} events"


def refused(status, path, body, key=KEY):
    found, text = asked(path, body, key)
    assert found == status, f"status {found}: {text[:200]}"
    valid("ErrorResponse", json.loads(text))


CHAT = {"text": USER, "tools": {**ASK, "tools": [CHAT_TOOL]}, "usage": USER}
for what, body in CHAT.items():
    @each(f"chat completion, {what}")
    def _(slug, body=body):
        whole("/v1/chat/completions", {"model": f"{slug}/small", **body}, "CreateChatCompletionResponse")

    @each(f"chat completion chunks, {what}")
    def _(slug, body=body, what=what):
        more = {"stream_options": {"include_usage": True}} if what == "usage" else {}
        return events("/v1/chat/completions", {"model": f"{slug}/small", **body, **more}, "CreateChatCompletionStreamResponse")


RECORD = {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}
for what, body in {"text": {"input": HELLO}, "tools": {"input": WEATHER, "tools": [TOOL]},
                   "record": {"input": HELLO, "text": {"format": RECORD}}}.items():
    others = [slug for slug in MOCKS if slug not in OWN]

    @each(f"response, {what}", others)
    def _(slug, body=body):
        whole("/v1/responses", {"model": f"{slug}/small", **body}, "Response")

    @each(f"response events, {what}", others)
    def _(slug, body=body):
        return events("/v1/responses", {"model": f"{slug}/small", **body}, "ResponseStreamEvent")


@each("embeddings", ["mock", "mock-responses"])
def _(slug):
    whole("/v1/embeddings", {"model": f"{slug}/vectors", "input": ["one", "two"]}, "CreateEmbeddingResponse")


@check("models, all and one")
def _():
    whole("/v1/models", None, "ListModelsResponse")
    whole("/v1/models/mock/small", None, "Model")


@check("errors")
def _():
    refused(401, "/v1/models", None, key="sk-sb-wrong")
    refused(404, "/v1/models/mock/none", None)
    refused(404, "/v1/nothing", None)
    for path, body in [("chat/completions", USER), ("responses", {"input": HELLO}), ("embeddings", {"input": HELLO})]:
        refused(401, f"/v1/{path}", {"model": "mock/small", **body}, key="sk-sb-wrong")
        refused(404, f"/v1/{path}", {"model": "mock/none", **body})
        refused(400, f"/v1/{path}", {"model": 7, **body})
        refused(400, f"/v1/{path}", [])
    refused(429, "/v1/chat/completions", {"model": f"mock/{WHO}-429", **USER})
