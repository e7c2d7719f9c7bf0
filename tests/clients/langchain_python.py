"""`langchain-openai` against the gateway, over chat completions and over Responses."""

import time

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from probe import GATEWAY, GREETING, HELLO, KEY, SKY, WEATHER, WHO, breaks, check, each, raises, same, say


def chat(model, key=KEY, **more):
    return ChatOpenAI(model=model, base_url=f"{GATEWAY}/v1", api_key=key, max_retries=0, timeout=20, **more)


class Person(BaseModel):
    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city"""
    return SKY


def counted(message):
    usage = message.usage_metadata
    same((usage["input_tokens"], usage["output_tokens"]), (11, 7), "usage")


@each("plain")
def _(slug):
    answer = chat(f"{slug}/small").invoke(HELLO)
    same((answer.content, answer.response_metadata["finish_reason"]), (GREETING, "stop"))
    same(answer.response_metadata["model_name"], f"{slug}/small")
    counted(answer)


@each("stream, accumulated")
def _(slug):
    pieces = list(chat(f"{slug}/small", stream_usage=True).stream(HELLO))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    same((whole.content, whole.response_metadata["finish_reason"]), (GREETING, "stop"))
    counted(whole)
    return f"{len(pieces)} pieces"


@each("Responses: plain and stream")
def _(slug):
    model = chat(f"{slug}/small", use_responses_api=True)
    same(model.invoke(HELLO).text, GREETING)
    same("".join(piece.text for piece in model.stream(HELLO)), GREETING)


@each("tools: call and follow-up")
def _(slug):
    model = chat(f"{slug}/small").bind_tools([get_weather])
    first = model.invoke(WEATHER)
    same([(call["name"], call["args"]) for call in first.tool_calls], [("get_weather", {"city": "Paris"})])
    result = ToolMessage(get_weather.invoke(first.tool_calls[0]["args"]), tool_call_id=first.tool_calls[0]["id"])
    same(model.invoke([HumanMessage(WEATHER), first, result]).content, "It is mild in Paris.")


@each("structured output")
def _(slug):
    model = chat(f"{slug}/person").with_structured_output(Person, method="json_schema")
    same(model.invoke(HELLO), Person(name="Ada", age=36))


@each("embeddings", ["mock", "mock-responses"])
def _(slug):
    model = OpenAIEmbeddings(
        model=f"{slug}/vectors", base_url=f"{GATEWAY}/v1", api_key=KEY, check_embedding_ctx_length=False, max_retries=0)
    rows = model.embed_documents(["one", "two"])
    assert len(rows) == 2 and len(rows[0]) == len(rows[1]) > 0, [len(row) for row in rows]


@check("errors keep their classes")
def _():
    raises(openai.AuthenticationError, lambda: chat("mock/small", key="sk-sb-wrong").invoke(HELLO))
    raises(openai.NotFoundError, lambda: chat("mock/none").invoke(HELLO))
    raises(openai.RateLimitError, lambda: chat(f"mock/{WHO}-429").invoke(HELLO))


def take(model, hear):
    for piece in chat(model).stream(HELLO):
        hear(piece.content)


breaks(openai.APIError, take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    stream = chat(f"patient/{model}").stream(HELLO)
    for piece in stream:
        if piece.content:
            break
    at = time.monotonic()
    stream.close()
    say(left=model, when="mid-stream", at=at)
