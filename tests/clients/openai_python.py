"""The `openai` package of PyPI against the gateway, as an application would use it."""

import json
import os
import time
import urllib.request

import openai
from pydantic import BaseModel

WHO, GATEWAY, KEY, ROUTER = (os.environ[name] for name in ["WHO", "GATEWAY", "KEY", "ROUTER"])
GREETING = os.environ["GREETING"]
USER = [{"role": "user", "content": "Good day, who are you?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, timeout=20)
once = client.with_options(max_retries=0)


class Person(BaseModel):
    name: str
    age: int


def say(**told):
    print(json.dumps(told), flush=True)


def check(name):
    def run(action):
        try:
            detail = action()
        except Exception as fault:
            say(check=name, ok=False, detail=f"{type(fault).__name__}: {fault}"[:300])
        else:
            say(check=name, ok=True, detail=detail or "")
    return run


def same(found, wanted, what="value"):
    assert found == wanted, f"{what}: {found!r}, expected {wanted!r}"


def raises(kind, action):
    try:
        action()
    except kind as fault:
        same(type(fault), kind, "error")
        return fault
    raise AssertionError(f"no {kind.__name__}")


def mock_journal():
    request = urllib.request.Request(
        f"{os.environ['MOCK']}/__aimock/journal", headers={"authorization": f"Bearer {os.environ['MOCK_SECRET']}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def calls(native):
    return [entry for entry in mock_journal() if (entry.get("body") or {}).get("model") == native]


@check("plain")
def _():
    answer = client.chat.completions.create(model="mock/small", messages=USER)
    same(answer.choices[0].message.content, GREETING)
    same((answer.model, answer.choices[0].finish_reason), ("mock/small", "stop"))
    assert answer.usage.total_tokens > 0
    routing = answer.routing
    same((routing["requested_model"], routing["selected_model"]), ("mock/small", "mock/small"))
    assert float(routing["cost_usd"]) > 0 and routing["latency_ms"]["total"] > 0, routing
    return f"cost {routing['cost_usd']} USD"


@check("plain, scored and routed among the demo models")
def _():
    for _ in range(10):
        answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
        # On a busy machine a decision may miss its deadline; then the answer says so.
        if answer.routing["degraded"] is None:
            break
        assert answer.routing["complexity"] is None, answer.routing
    assert answer.routing["degraded"] is None, answer.routing
    assert 0 <= answer.routing["complexity"] <= 0.3, answer.routing
    return f"{answer.model}: {answer.routing['reason']}"


@check("stream, with the routing object on the first and the last chunk")
def _():
    chunks = list(client.chat.completions.create(model="mock/small", messages=USER, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    same(text, GREETING)
    bearing = [index for index, chunk in enumerate(chunks) if getattr(chunk, "routing", None)]
    same(bearing, [0, len(chunks) - 1], "chunks with routing")
    same(chunks[0].routing["selected_model"], "mock/small")
    assert float(chunks[-1].routing["cost_usd"]) > 0
    assert all(chunk.usage is None for chunk in chunks), "usage that was not asked for"
    return f"{len(chunks)} chunks"


@check("stream with usage")
def _():
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="mock/small", messages=USER, stream=True, stream_options=options))
    same([bool(chunk.usage) for chunk in chunks].count(True), 1, "chunks with usage")
    assert chunks[-1].usage.completion_tokens > 0


@check("stream helper that accumulates")
def _():
    with client.chat.completions.stream(model="mock/small", messages=USER) as stream:
        for _ in stream:
            pass
        same(stream.get_final_completion().choices[0].message.content, GREETING)


def tool_round(model):
    first = client.chat.completions.create(model=model, messages=ASK, tools=[TOOL], tool_choice="auto")
    call = first.choices[0].message.tool_calls[0]
    same((call.function.name, first.choices[0].finish_reason), ("get_weather", "tool_calls"))
    assert "city" in json.loads(call.function.arguments)
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear", "celsius": 21}'}
    second = client.chat.completions.create(model=model, messages=[*ASK, first.choices[0].message, result], tools=[TOOL])
    same(second.choices[0].finish_reason, "stop")
    assert second.choices[0].message.content
    return second.choices[0].message.content[:60]


check("tools: call and follow-up (mock)")(lambda: tool_round("mock/small"))
check("tools: call and follow-up (demo)")(lambda: tool_round("demo/medium"))


@check("tools in a stream, accumulated")
def _():
    with client.chat.completions.stream(model="demo/medium", messages=ASK, tools=[TOOL]) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    same(call.function.name, "get_weather")
    assert "city" in json.loads(call.function.arguments)


@check("structured output through the parse helper (demo)")
def _():
    messages = [{"role": "user", "content": "Ada is 36 years old: who is she?"}]
    answer = client.chat.completions.parse(model="demo/medium", messages=messages, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)
    return str(answer.choices[0].message.parsed)


@check("structured output through the parse helper (mock)")
def _():
    answer = client.chat.completions.parse(model="mock/small", messages=USER, response_format=Person)
    same(answer.choices[0].message.parsed, Person(name="Ada", age=36))


@check("image part reaches the upstream as it was sent")
def _():
    parts = [{"type": "text", "text": f"Look, {WHO}."}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}]
    client.chat.completions.create(model="mock/large", messages=[{"role": "user", "content": parts}])
    same(calls("large")[-1]["body"]["messages"][0]["content"], parts)


@check("bad key: AuthenticationError")
def _():
    fault = raises(openai.AuthenticationError, lambda: once.with_options(api_key="sk-sb-wrong").models.list())
    same((fault.status_code, fault.type), (401, "authentication_error"))
    raises(openai.AuthenticationError,
           lambda: once.with_options(api_key="nothing").chat.completions.create(model="mock/small", messages=USER))


@check("unknown model: NotFoundError")
def _():
    fault = raises(openai.NotFoundError, lambda: once.chat.completions.create(model="mock/none", messages=USER))
    assert "mock/none" in str(fault), fault
    return fault.code


@check("bad body: BadRequestError that names the field")
def _():
    fault = raises(openai.BadRequestError, lambda: once.chat.completions.create(model="mock/small", messages=[]))
    same(fault.param, "messages")
    wrong = {"stream": "yes"}
    fault = raises(openai.BadRequestError,
                   lambda: once.chat.completions.create(model="mock/small", messages=USER, extra_body=wrong))
    same(fault.param, "stream")


@check("upstream 429: RateLimitError with Retry-After")
def _():
    fault = raises(openai.RateLimitError,
                   lambda: once.chat.completions.create(model=f"mock/{WHO}-429", messages=USER))
    assert 0 < float(fault.response.headers["retry-after"]) <= 5, fault.response.headers
    return f"retry-after {fault.response.headers['retry-after']}"


def no_retry(kind):
    model = f"{WHO}-{kind}"
    began = time.monotonic()
    fault = raises(openai.InternalServerError,
                   lambda: client.chat.completions.create(model=f"mock/{model}", messages=USER))
    same((fault.status_code, fault.response.headers["x-should-retry"]), (502, "false"))
    assert isinstance(fault, openai.APIStatusError)
    # A connection from the pool that breaks before a byte has come may be tried again, once, on a fresh one.
    found = len(calls(model))
    assert found == 1 or found == 2 and kind == "gone", f"{found} calls of the upstream"
    return f"{fault.code}, {found} upstream call(s), {time.monotonic() - began:.2f} s"


check("upstream 500: 502, and the library does not retry")(lambda: no_retry("500"))
check("upstream answers garbage: 502, no retry")(lambda: no_retry("garbage"))
check("upstream drops the connection: 502, no retry")(lambda: no_retry("gone"))


@check("models.list()")
def _():
    found = {model.id: model for model in client.models.list()}
    assert {"mock/small", "mock/large", "demo/small"} <= found.keys(), sorted(found)
    same(found["mock/small"].owned_by, "mock")
    return f"{len(found)} models"


@check("raw response headers")
def _():
    raw = client.chat.completions.with_raw_response.create(model="mock/small", messages=USER)
    same(raw.headers["x-routing-model"], "mock/small")
    request_id = raw.headers["x-request-id"]
    assert request_id.startswith("req_"), request_id
    same(raw.parse()._request_id, request_id)
    say(row=request_id, outcome="completed", what=f"{WHO} with raw response")
    return request_id


@check("a router's own endpoint")
def _():
    desk = openai.OpenAI(base_url=f"{GATEWAY}/{ROUTER}", api_key=KEY, max_retries=0)
    answer = desk.chat.completions.create(model="auto", messages=USER)
    same((answer.model, answer.choices[0].message.content), ("mock/small", GREETING))
    stream = desk.chat.completions.create(model="auto", messages=USER, stream=True)
    same("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices), GREETING)
    return answer.routing["strategy"]


def broken(kind):
    text = ""
    try:
        for chunk in client.chat.completions.create(model=f"faulty/{WHO}-mid-{kind}", messages=USER, stream=True):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
    except openai.APIError as fault:
        assert text, "no content before the fault"
        return f"{type(fault).__name__} after {len(text)} characters: {fault}"[:90]
    raise AssertionError(f"the partial text was taken for a whole: {text!r}")


for kind in os.environ["FAULTS"].split(","):
    check(f"mid-stream {kind}: raises instead of returning part of the text")(lambda kind=kind: broken(kind))


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    stream = client.chat.completions.create(model=f"patient/{model}", messages=USER, stream=True)
    seen = 0
    for chunk in stream:
        seen += bool(chunk.choices and chunk.choices[0].delta.content)
        if seen == 2:
            break
    at = time.monotonic()
    stream.close()
    say(left=model, when="mid-stream", at=at)


@check("leaves before the first token")
def _():
    model = f"{WHO}-leave-early-0"
    hasty = client.with_options(timeout=0.4, max_retries=0)
    raises(openai.APITimeoutError,
           lambda: hasty.chat.completions.create(model=f"patient/{model}", messages=USER, stream=True))
    say(left=model, when="before the first token", at=time.monotonic())
