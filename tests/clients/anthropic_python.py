"""The `anthropic` package of PyPI against the gateway, as an application would use it."""

import time

import anthropic
from pydantic import BaseModel

from probe import GATEWAY, GREETING, HELLO, KEY, PARAMETERS, SKY, WEATHER, WHO, breaks, check, each, raises, same, say

client = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=20)
USER = [{"role": "user", "content": HELLO}]
ASK = [{"role": "user", "content": WEATHER}]
TOOL = {"name": "get_weather", "description": "The weather of a city", "input_schema": PARAMETERS}


class Person(BaseModel):
    name: str
    age: int


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def whole(message, slug, reason):
    same((message.model, message.stop_reason, message.role), (f"{slug}/small", reason, "assistant"))
    same((message.usage.input_tokens, message.usage.output_tokens), (11, 7), "usage")


@each("plain")
def _(slug):
    message = client.messages.create(model=f"{slug}/small", max_tokens=100, messages=USER, system="Be brief.")
    whole(message, slug, "end_turn")
    same(text(message), GREETING)
    same(message.routing["selected_model"], f"{slug}/small")
    return f"cost {message.routing['cost_usd']} USD"


@each("stream, accumulated")
def _(slug):
    with client.messages.stream(model=f"{slug}/small", max_tokens=100, messages=USER) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    whole(message, slug, "end_turn")
    same(("".join(pieces), text(message)), (GREETING, GREETING))
    return f"{len(pieces)} pieces"


def called(slug, message):
    whole(message, slug, "tool_use")
    call = next(block for block in message.content if block.type == "tool_use")
    same((call.name, call.input), ("get_weather", {"city": "Paris"}))
    return call


@each("tools: call and follow-up")
def _(slug):
    first = client.messages.create(model=f"{slug}/small", max_tokens=100, messages=ASK, tools=[TOOL])
    call = called(slug, first)
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": SKY}]}
    turns = [*ASK, {"role": "assistant", "content": first.content}, result]
    second = client.messages.create(model=f"{slug}/small", max_tokens=100, messages=turns, tools=[TOOL])
    whole(second, slug, "end_turn")
    same(text(second), "It is mild in Paris.")


@each("tools, streamed and accumulated")
def _(slug):
    with client.messages.stream(model=f"{slug}/small", max_tokens=100, messages=ASK, tools=[TOOL]) as stream:
        called(slug, stream.get_final_message())


@each("structured output")
def _(slug):
    answer = client.messages.parse(model=f"{slug}/person", max_tokens=100, messages=USER, output_format=Person)
    same(answer.parsed_output, Person(name="Ada", age=36))


@each("tokens are counted")
def _(slug):
    counted = client.messages.count_tokens(model=f"{slug}/small", messages=USER)
    assert counted.input_tokens > 0, counted
    return f"{counted.input_tokens} tokens"


@check("bad key: AuthenticationError")
def _():
    wrong = client.with_options(api_key="sk-sb-wrong")
    fault = raises(anthropic.AuthenticationError, lambda: wrong.messages.create(model="mock/small", max_tokens=9, messages=USER))
    same((fault.status_code, fault.body["type"], fault.body["error"]["type"]), (401, "error", "authentication_error"))


@check("unknown model: NotFoundError")
def _():
    fault = raises(anthropic.NotFoundError, lambda: client.messages.create(model="mock/none", max_tokens=9, messages=USER))
    same(fault.body["error"]["type"], "not_found_error")
    assert "mock/none" in fault.body["error"]["message"], fault.body


@check("bad body: BadRequestError")
def _():
    fault = raises(anthropic.BadRequestError, lambda: client.messages.create(model="mock/small", max_tokens=9, messages=[]))
    same(fault.body["error"]["type"], "invalid_request_error")


@each("upstream 429: RateLimitError")
def _(slug):
    ask = lambda: client.messages.create(model=f"{slug}/{WHO}-429", max_tokens=9, messages=USER)  # noqa: E731
    fault = raises(anthropic.RateLimitError, ask)
    same(fault.body["error"]["type"], "rate_limit_error")
    assert 0 < float(fault.response.headers["retry-after"]) <= 5, fault.response.headers


@check("models are listed page by page, and found")
def _():
    ids = [model.id for model in client.models.list(limit=7)]
    assert len(ids) > 14 and ids == sorted(set(ids)), ids
    same(client.models.retrieve("mock/small").max_input_tokens, 128000)
    fault = raises(anthropic.NotFoundError, lambda: client.models.retrieve("mock/none"))
    same(fault.body["error"]["type"], "not_found_error")
    return f"{len(ids)} models"


def take(model, hear):
    with client.messages.stream(model=model, max_tokens=100, messages=USER) as stream:
        for piece in stream.text_stream:
            hear(piece)
        stream.get_final_message()


breaks(anthropic.APIError, take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    with client.messages.stream(model=f"patient/{model}", max_tokens=100, messages=USER) as stream:
        next(iter(stream.text_stream))
        at = time.monotonic()
    say(left=model, when="mid-stream", at=at)
