"""`pydantic-ai` against the gateway: its agents over chat completions and over Responses."""

import asyncio
import time

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import NativeOutput
from pydantic_ai.providers.openai import OpenAIProvider
from openai import AsyncOpenAI

from probe import GATEWAY, GREETING, HELLO, KEY, SKY, WEATHER, WHO, breaks, check, each, raises, same, say


def agent(model, kind=OpenAIChatModel, key=KEY, **more):
    client = AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=key, max_retries=0, timeout=20)
    return Agent(kind(model, provider=OpenAIProvider(openai_client=client)), retries=0, **more)


class Person(BaseModel):
    name: str
    age: int


async def said(asking, hear=lambda _: None):
    async with asking.run_stream(HELLO) as stream:
        async for piece in stream.stream_text(delta=True, debounce_by=None):
            hear(piece)
        return stream.response


for kind in [OpenAIChatModel, OpenAIResponsesModel]:
    over = "chat" if kind is OpenAIChatModel else "Responses"

    @each(f"plain and stream, over {over}")
    def _(slug, kind=kind):
        done = agent(f"{slug}/small", kind).run_sync(HELLO)
        same(done.output, GREETING)
        heard = []
        asyncio.run(said(agent(f"{slug}/small", kind), heard.append))
        same("".join(heard), GREETING)

    @each(f"an agent with a tool, over {over}")
    def _(slug, kind=kind):
        asked = []
        asking = agent(f"{slug}/small", kind)

        @asking.tool_plain
        def get_weather(city: str) -> str:
            """The weather of a city"""
            asked.append(city)
            return SKY

        done = asking.run_sync(WEATHER)
        same((asked, done.output), (["Paris"], "It is mild in Paris."))

    @each(f"structured output, over {over}")
    def _(slug, kind=kind):
        done = agent(f"{slug}/person", kind, output_type=NativeOutput(Person)).run_sync(HELLO)
        same(done.output, Person(name="Ada", age=36))


@check("errors keep their status")
def _():
    for status, asking in [
        (401, agent("mock/small", key="sk-sb-wrong")), (404, agent("mock/none")), (429, agent(f"mock/{WHO}-429")),
    ]:
        same(raises(ModelHTTPError, lambda asking=asking: asking.run_sync(HELLO)).status_code, status)


def take(model, hear):
    asyncio.run(said(agent(model), hear))


# Its own error for a status, and what the library below it raises in a stream.
breaks(Exception, take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"

    async def leave():
        async with agent(f"patient/{model}").run_stream(HELLO) as stream:
            async for _ in stream.stream_text(delta=True, debounce_by=None):
                say(left=model, when="mid-stream", at=time.monotonic())
                raise EOFError

    try:
        asyncio.run(leave())
    except EOFError:
        pass
