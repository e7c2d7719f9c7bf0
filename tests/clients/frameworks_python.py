"""`litellm` and `instructor` against the gateway, as another router and as a helper for structured output."""

import json
import os
import time

# Its prices are not asked for over the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import instructor  # noqa: E402
import litellm  # noqa: E402
import openai  # noqa: E402
from pydantic import BaseModel  # noqa: E402

from probe import GATEWAY, GREETING, HELLO, KEY, PARAMETERS, SKY, WEATHER, WHO, breaks, check, each, raises, same, say  # noqa: E402

litellm.telemetry = False
litellm.suppress_debug_info = True
USER = [{"role": "user", "content": HELLO}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}


class Person(BaseModel):
    name: str
    age: int


def ask(model, messages=USER, key=KEY, **more):
    return litellm.completion(
        model=f"openai/{model}", api_base=f"{GATEWAY}/v1", api_key=key, messages=messages, num_retries=0, max_retries=0,
        timeout=20, **more)


@each("plain")
def _(slug):
    answer = ask(f"{slug}/small")
    same((answer.choices[0].message.content, answer.choices[0].finish_reason), (GREETING, "stop"))
    same((answer.usage.prompt_tokens, answer.usage.completion_tokens), (11, 7), "usage")


@each("stream, put together")
def _(slug):
    chunks = list(ask(f"{slug}/small", stream=True))
    whole = litellm.stream_chunk_builder(chunks, messages=USER)
    same((whole.choices[0].message.content, whole.choices[0].finish_reason), (GREETING, "stop"))


@each("tools: call and follow-up")
def _(slug):
    turns = [{"role": "user", "content": WEATHER}]
    first = ask(f"{slug}/small", turns, tools=[TOOL]).choices[0]
    call = first.message.tool_calls[0]
    same((call.function.name, json.loads(call.function.arguments)), ("get_weather", {"city": "Paris"}))
    same(first.finish_reason, "tool_calls")
    turns += [first.message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": SKY}]
    same(ask(f"{slug}/small", turns, tools=[TOOL]).choices[0].message.content, "It is mild in Paris.")


@each("Anthropic's dialect")
def _(slug):
    answer = litellm.completion(
        model=f"anthropic/{slug}/small", api_base=GATEWAY, api_key=KEY, messages=USER, max_tokens=100,
        num_retries=0, timeout=20)
    same(answer.choices[0].message.content, GREETING)


@each("structured output")
def _(slug):
    answer = ask(f"{slug}/person", response_format=Person)
    same(json.loads(answer.choices[0].message.content), {"name": "Ada", "age": 36})


@each("embeddings", ["mock"])
def _(slug):
    answer = litellm.embedding(
        model=f"openai/{slug}/vectors", api_base=f"{GATEWAY}/v1", api_key=KEY, input=["one", "two"], num_retries=0)
    same(len(answer.data), 2)


@check("errors keep their classes")
def _():
    raises(litellm.AuthenticationError, lambda: ask("mock/small", key="sk-sb-wrong"))
    raises(litellm.NotFoundError, lambda: ask("mock/none"))
    raises(litellm.RateLimitError, lambda: ask(f"mock/{WHO}-429"))


def take(model, hear):
    for chunk in ask(model, stream=True):
        hear(chunk.choices[0].delta.content or "")


# It names the fault after what it believes of it: each of its classes is one of the library below it.
breaks(openai.APIError, take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    stream = ask(f"patient/{model}", stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    at = time.monotonic()
    stream.completion_stream.close()
    say(left=model, when="mid-stream", at=at)


helper = instructor.from_openai(
    openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20), mode=instructor.Mode.JSON_SCHEMA)


@each("instructor: a record, checked")
def _(slug):
    person = helper.chat.completions.create(model=f"{slug}/person", messages=USER, response_model=Person, max_retries=0)
    same((person.name, person.age), ("Ada", 36))


@each("instructor: a record, in pieces")
def _(slug):
    pieces = list(helper.chat.completions.create_partial(model=f"{slug}/person", messages=USER, response_model=Person))
    same((pieces[-1].name, pieces[-1].age), ("Ada", 36))
