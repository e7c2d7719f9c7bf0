"""An upstream that says what no mock says: error events inside a stream of status 200, and odd Retry-After values.

The model's name picks what it does.
"""

import http.server
import json
import threading
from email.utils import formatdate
from time import time

RETRY_AFTER = {
    "retry-date": lambda: formatdate(time() + 3, usegmt=True),
    "retry-negative": lambda: "-7",
    "retry-absurd": lambda: "99999999999999999999",
}
ERROR = {"error": {"message": "the engine is overloaded", "type": "server_error", "code": "overloaded"}}


def chunk(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = body["model"]
        if model in RETRY_AFTER:
            return self.whole(429, {"error": {"message": "slow down"}}, {"retry-after": RETRY_AFTER[model]()})
        before = [chunk({"role": "assistant", "content": ""})]
        if model.startswith("error-later"):
            before += [chunk({"content": "half "}), chunk({"content": "an answer"})]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in [*before, ERROR]:
            data = f"data: {json.dumps(event)}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def whole(self, status, body, headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "content-type": "application/json", "content-length": len(data)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def start():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
