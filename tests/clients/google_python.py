"""The `google-genai` package of PyPI against the gateway, as an application would use it."""

import time

from google import genai
from google.genai import errors, types

from probe import GATEWAY, GREETING, HELLO, KEY, PARAMETERS, PERSON, SKY, WEATHER, WHO, breaks, check, each, raises, same, say


def speaking(key):
    options = types.HttpOptions(base_url=GATEWAY, api_version="v1beta", timeout=20_000)
    return genai.Client(api_key=key, http_options=options, vertexai=False)


client = speaking(KEY)
TOOL = types.Tool(function_declarations=[
    {"name": "get_weather", "description": "The weather of a city", "parameters_json_schema": PARAMETERS}])
# What the mock makes of anything.
VECTOR = [0.5, -0.25, 0.125, 1.0]
BY_HAND = types.GenerateContentConfig(
    tools=[TOOL], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))


def whole(answer, slug, reason="STOP"):
    same((answer.model_version, answer.candidates[0].finish_reason.value), (f"{slug}/small", reason))
    usage = answer.usage_metadata
    same((usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count), (11, 7, 18), "usage")


@each("plain")
def _(slug):
    answer = client.models.generate_content(
        model=f"{slug}/small", contents=HELLO, config=types.GenerateContentConfig(system_instruction="Be brief."))
    whole(answer, slug)
    same(answer.text, GREETING)


@each("stream")
def _(slug):
    pieces = list(client.models.generate_content_stream(model=f"{slug}/small", contents=HELLO))
    same("".join(piece.text or "" for piece in pieces), GREETING)
    whole(pieces[-1], slug)
    return f"{len(pieces)} pieces"


@each("tools: call and follow-up")
def _(slug):
    first = client.models.generate_content(model=f"{slug}/small", contents=WEATHER, config=BY_HAND)
    # The mock of this dialect has a reason of its own for calls, which goes by as it is.
    whole(first, slug, "FUNCTION_CALL" if slug == "mock-gemini" else "STOP")
    call = first.function_calls[0]
    same((call.name, call.args), ("get_weather", {"city": "Paris"}))
    result = types.Part.from_function_response(name="get_weather", response={"result": SKY})
    if call.id:
        result.function_response.id = call.id
    turns = [
        types.Content(role="user", parts=[types.Part(text=WEATHER)]), first.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    second = client.models.generate_content(model=f"{slug}/small", contents=turns, config=BY_HAND)
    same(second.text, "It is mild in Paris.")


@each("tools in a stream")
def _(slug):
    pieces = client.models.generate_content_stream(model=f"{slug}/small", contents=WEATHER, config=BY_HAND)
    calls = [call for piece in pieces for call in piece.function_calls or []]
    same([(call.name, call.args) for call in calls], [("get_weather", {"city": "Paris"})])


@each("a function of Python, called by the library")
def _(slug):
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city"""
        asked.append(city)
        return SKY

    answer = client.models.generate_content(
        model=f"{slug}/small", contents=WEATHER, config=types.GenerateContentConfig(tools=[get_weather]))
    same((asked, answer.text), (["Paris"], "It is mild in Paris."))


@each("structured output")
def _(slug):
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=PERSON)
    answer = client.models.generate_content(model=f"{slug}/person", contents=HELLO, config=config)
    same(answer.parsed, {"name": "Ada", "age": 36})


@each("tokens are counted")
def _(slug):
    assert client.models.count_tokens(model=f"{slug}/small", contents=HELLO).total_tokens > 0


@each("embeddings", ["mock", "mock-responses"])
def _(slug):
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
    answer = client.models.embed_content(model=f"{slug}/vectors", contents=["one", "two"], config=config)
    same([row.values for row in answer.embeddings], [VECTOR, VECTOR])


@check("models are listed page by page, and found")
def _():
    listed = list(client.models.list(config={"page_size": 7}))
    names = [model.name for model in listed]
    same(len(names), len(set(names)), "names")
    assert len(names) > 14 and names == sorted(names), names
    one = client.models.get(model="mock/small")
    same((one.name, one.input_token_limit), ("models/mock/small", 128000))
    assert "generateContent" in one.supported_actions, one
    same(client.models.get(model="mock/vectors").supported_actions, ["embedContent", "batchEmbedContents"])
    return f"{len(names)} models"


def refused(code, status, action):
    fault = raises(errors.ClientError, action)
    same((fault.code, fault.status), (code, status))
    return fault.message


@check("bad key: 401 UNAUTHENTICATED")
def _():
    wrong = speaking("sk-sb-wrong")
    refused(401, "UNAUTHENTICATED", lambda: wrong.models.generate_content(model="mock/small", contents=HELLO))


@check("unknown model: 404 NOT_FOUND")
def _():
    said = refused(404, "NOT_FOUND", lambda: client.models.generate_content(model="mock/none", contents=HELLO))
    assert "mock/none" in said, said


@check("unknown model of the list: 404 NOT_FOUND")
def _():
    refused(404, "NOT_FOUND", lambda: client.models.get(model="mock/none"))


@each("upstream 429: RESOURCE_EXHAUSTED")
def _(slug):
    ask = lambda: client.models.generate_content(model=f"{slug}/{WHO}-429", contents=HELLO)  # noqa: E731
    refused(429, "RESOURCE_EXHAUSTED", ask)


def take(model, hear):
    for piece in client.models.generate_content_stream(model=model, contents=HELLO):
        hear(piece.text or "")


# Where the connection breaks the library lets the fault of the one below it through.
breaks(Exception, take)


@check("leaves in the middle of a stream")
def _():
    model = f"{WHO}-leave-middle-0"
    stream = client.models.generate_content_stream(model=f"patient/{model}", contents=HELLO)
    next(stream)
    at = time.monotonic()
    stream.close()
    say(left=model, when="mid-stream", at=at)
