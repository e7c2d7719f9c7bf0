"""The Responses API and embeddings through the `openai` package of PyPI."""

import json
import time

import openai
from pydantic import BaseModel

from probe import GATEWAY, GREETING, HELLO, KEY, PARAMETERS, SKY, WEATHER, WHO, breaks, check, each, raises, same, say

client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
TOOL = {"type": "function", "name": "get_weather", "description": "The weather of a city", "parameters": PARAMETERS,
        "strict": False}


class Person(BaseModel):
    name: str
    age: int


def whole(answer, slug):
    same((answer.model, answer.status, answer.error, answer.incomplete_details), (f"{slug}/small", "completed", None, None))
    same((answer.usage.input_tokens, answer.usage.output_tokens), (11, 7), "usage")
    assert answer.id, answer


@each("plain")
def _(slug):
    answer = client.responses.create(model=f"{slug}/small", input=HELLO, instructions="Be brief.")
    whole(answer, slug)
    same(answer.output_text, GREETING)
    same(answer.routing["selected_model"], f"{slug}/small")


@each("stream, accumulated")
def _(slug):
    with client.responses.stream(model=f"{slug}/small", input=HELLO) as stream:
        events = list(stream)
        answer = stream.get_final_response()
    whole(answer, slug)
    same(answer.output_text, GREETING)
    same("".join(event.delta for event in events if event.type == "response.output_text.delta"), GREETING)
    if slug != "mock-responses":  # The mock numbers none, and in its own dialect goes by as it is.
        same([event.sequence_number for event in events], list(range(len(events))), "sequence numbers")
    same((events[0].type, events[-1].type), ("response.created", "response.completed"))
    return f"{len(events)} events"


def called(answer):
    calls = [item for item in answer.output if item.type == "function_call"]
    same([(call.name, json.loads(call.arguments)) for call in calls], [("get_weather", {"city": "Paris"})])
    return calls[0]


@each("tools: call and follow-up")
def _(slug):
    first = client.responses.create(model=f"{slug}/small", input=WEATHER, tools=[TOOL])
    whole(first, slug)
    call = called(first)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": SKY}
    items = [{"role": "user", "content": WEATHER}, *(item.to_dict() for item in first.output), result]
    second = client.responses.create(model=f"{slug}/small", input=items, tools=[TOOL])
    same(second.output_text, "It is mild in Paris.")


@each("tools, streamed and accumulated")
def _(slug):
    with client.responses.stream(model=f"{slug}/small", input=WEATHER, tools=[TOOL]) as stream:
        for _ in stream:
            pass
        called(stream.get_final_response())


@each("structured output through the parse helper")
def _(slug):
    answer = client.responses.parse(model=f"{slug}/person", input=HELLO, text_format=Person)
    same(answer.output_parsed, Person(name="Ada", age=36))


@each("chat completions: plain, stream and tools")
def _(slug):
    messages = [{"role": "user", "content": HELLO}]
    answer = client.chat.completions.create(model=f"{slug}/small", messages=messages)
    same((answer.model, answer.choices[0].message.content, answer.choices[0].finish_reason),
         (f"{slug}/small", GREETING, "stop"))
    same((answer.usage.prompt_tokens, answer.usage.completion_tokens), (11, 7), "usage")
    with client.chat.completions.stream(model=f"{slug}/small", messages=messages) as stream:
        said = stream.until_done().get_final_completion().choices[0]
    same((said.message.content, said.finish_reason), (GREETING, "stop"))
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
    ask = {"model": f"{slug}/small", "messages": [{"role": "user", "content": WEATHER}], "tools": [tool]}
    with client.chat.completions.stream(**ask) as stream:
        said = stream.until_done().get_final_completion().choices[0]
    same(said.finish_reason, "tool_calls")
    same(json.loads(said.message.tool_calls[0].function.arguments), {"city": "Paris"})


@each("embeddings", ["mock", "mock-responses"])
def _(slug):
    answer = client.embeddings.create(model=f"{slug}/vectors", input=["one", "two"])
    same((answer.model, [row.index for row in answer.data]), (f"{slug}/vectors", [0, 1]))
    same({type(number) for row in answer.data for number in row.embedding}, {float})
    plain = client.embeddings.create(model=f"{slug}/vectors", input="one", encoding_format="float")
    assert plain.data[0].embedding and plain.usage.prompt_tokens > 0, plain.usage
    return f"{len(plain.data[0].embedding)} numbers"


@check("bad key: AuthenticationError")
def _():
    wrong = client.with_options(api_key="sk-sb-wrong")
    raises(openai.AuthenticationError, lambda: wrong.responses.create(model="mock/small", input=HELLO))
    raises(openai.AuthenticationError, lambda: wrong.embeddings.create(model="mock/vectors", input=HELLO))


@check("unknown model: NotFoundError")
def _():
    fault = raises(openai.NotFoundError, lambda: client.responses.create(model="mock/none", input=HELLO))
    same(fault.code, "model_not_found")
    raises(openai.NotFoundError, lambda: client.embeddings.create(model="mock/none", input=HELLO))


@each("upstream 429: RateLimitError")
def _(slug):
    fault = raises(openai.RateLimitError, lambda: client.responses.create(model=f"{slug}/{WHO}-429", input=HELLO))
    assert 0 < float(fault.response.headers["retry-after"]) <= 5, fault.response.headers


def take(model, hear):
    ended = None
    with client.responses.stream(model=model, input=HELLO) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                hear(event.delta)
            ended = event.type
            if ended == "response.failed":
                raise Failed(event.response.error)
        stream.get_final_response()


class Failed(Exception):
    """The event that says so, which the library hands on as it is."""


# The library raises a `RuntimeError` where a stream ends without its last event.
breaks((openai.APIError, Failed, RuntimeError), take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    stream = client.responses.create(model=f"patient/{model}", input=HELLO, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            break
    at = time.monotonic()
    stream.close()
    say(left=model, when="mid-stream", at=at)
