"""Providers of every dialect, and the models that each client asks of them.

`NAME/small` answers, `NAME/person` answers with a record, `NAME/vectors` embeds; `CLIENT-…` models fail, each client's
apart from the others'. aimock plays the providers that work, llmock those that fail.
"""

# The dialect, and the path of its API at the two mocks; llmock has no Responses that streams.
SPOKEN = {
    "mock": ("openai", "/v1", None),
    "mock-responses": ("openai_responses", "/v1", "/v1"),
    "mock-anthropic": ("anthropic", "/v1", "/anthropic/v1"),
    "mock-gemini": ("gemini", "/v1beta", "/gemini/v1beta"),
}
# Those whose failures `world` has not set up already, and those of the dialect of chat completions.
FAULTY = ["faulty", "faulty-responses", "faulty-anthropic", "faulty-gemini"]
CLIENTS = ["anthropic", "anthropic-node", "google", "responses", "langchain", "litellm", "pydantic", "vercel", "conformance"]
BROKEN = ["truncate", "disconnect"]
PERSON = '{"name": "Ada", "age": 36}'
VECTOR = [0.5, -0.25, 0.125, 1.0]
# What the mock says that its answers consumed, in the words of each dialect.
USAGE = {
    "prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7, "promptTokenCount": 11,
    "candidatesTokenCount": 7,
}
# Events of a stream until there has been content, which chat completions and Gemini begin with.
BEFORE_CONTENT = {"faulty": 3, "faulty-responses": 7, "faulty-anthropic": 5, "faulty-gemini": 3}


def fixtures():
    """What the mock says beside what it says to everybody."""
    limited = [
        {"match": {"model": f"{who}-429"}, "response": {"content": "never"}, "chaos": {"rateLimitRate": 1}}
        for who in CLIENTS
    ]
    vectors = {"match": {"endpoint": "embedding"}, "response": {"embedding": VECTOR}}
    return [*limited, vectors, {"match": {"model": "person"}, "response": {"content": PERSON, "usage": USAGE}}]


def providers(mock_url, llmock_url):
    """Slug, URL, secret, whether its waits are short, and what else is to be said."""
    found = []
    for slug, (dialect, mock_path, faulty_path) in SPOKEN.items():
        said = {"dialect": dialect}
        if slug != "mock":
            found.append((slug, mock_url + mock_path, "MOCK_SECRET", False, said))
            found.append((slug.replace("mock", "faulty"), llmock_url + faulty_path, "FAULTY_SECRET", True, said))
    return found


def models():
    found = []
    for slug in SPOKEN:
        found += [(f"{slug}/{name}", {}) for name in ["small", "person"] if (slug, name) != ("mock", "small")]
        found += [(f"{slug}/{who}-429", {}) for who in CLIENTS]
        if slug in ["mock", "mock-responses"]:
            found.append((f"{slug}/vectors", {"capabilities": ["embeddings"]}))
    for who in CLIENTS:
        found += [(f"{slug}/{who}-{slug}-mid-{kind}", {}) for slug in FAULTY for kind in BROKEN]
        found.append((f"patient/{who}-leave-middle-0", {}))
    return found


def broken():
    """The models that break off in the middle, how, and after how many events."""
    return [(f"{who}-{slug}-mid-{kind}", kind, after)
            for who in CLIENTS for slug, after in BEFORE_CONTENT.items() for kind in BROKEN]


def left():
    """The models whose callers leave."""
    return [f"{who}-leave-middle-0" for who in CLIENTS]
