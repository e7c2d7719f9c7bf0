"""Chat requests over bare HTTP, since a client library hides what matters here: how exactly a stream ends."""

import http.client
import json
import urllib.parse


class Answer:
    """What came back, and whether the body ended as HTTP says it must."""

    def __init__(self, status, headers, body, clean):
        self.status = status
        self.headers = headers
        self.body = body
        self.clean = clean

    @property
    def request_id(self):
        return self.headers.get("x-request-id")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        """The data of each event, in order."""
        blocks = self.body.decode().replace("\r\n", "\n").split("\n\n")
        lines = [line for block in blocks for line in block.split("\n") if line.startswith("data:")]
        return [line[5:].strip() for line in lines]

    @property
    def events(self):
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def done(self):
        return self.data[-1:] == ["[DONE]"]

    @property
    def error(self):
        return next((event["error"] for event in self.events if "error" in event), None)

    @property
    def text(self):
        deltas = [choice["delta"] for event in self.events for choice in event.get("choices", [])]
        return "".join(delta.get("content") or "" for delta in deltas)

    def routing(self, index):
        found = [event["routing"] for event in self.events if "routing" in event]
        return found[index]


class Gateway:
    """A caller with a key."""

    def __init__(self, url, key):
        self.url = url
        self.key = key
        self.address = urllib.parse.urlsplit(url).netloc

    def begin(self, model, stream=True, path="/v1/chat/completions", prompt="Say a few words.", **more):
        """Sends a request and returns its connection."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **more}
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        return connection

    def chat(self, model, stream=True, **more):
        connection = self.begin(model, stream, **more)
        try:
            response = connection.getresponse()
            body, clean = _read_all(response)
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body, clean)
        finally:
            connection.close()


def _read_all(response):
    parts = []
    try:
        # `read1` reports a missing last chunk; `read` would report it too, but drop what came before a reset.
        while part := response.read1(65536):
            parts.append(part)
    except (http.client.IncompleteRead, ConnectionError):
        return b"".join(parts), False
    return b"".join(parts), True
