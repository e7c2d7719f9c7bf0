"""The gateway in front of upstreams that fail, seen over bare HTTP: with one upstream, and with a second, healthy one.

The numbers in brackets are the rows of the fault matrix of the product's design.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import expect
from raw import Gateway
from world import EARLY, FAULTY_SECRET, GREETING, LEAVES, MID, MOCK_SECRET, TWICE

ROWS = {
    "truncate": 17, "disconnect": 7, "malformed": 16, "stall": 9, "disconnect-at-once": 6, "slow": 9, "500": 12,
    "529": 12, "429": 11, "400": 13,
}
CLOSED_WITHIN = 0.1
# What the faulty upstream reports of a client that does right all the same. It sees one call at a time and judges by
# whether the same call comes again to itself.
EXPLAINED = {
    # The stream was not accepted: the caller got an error event and a broken transfer, or the answer of another
    # upstream. Both are checked here. Once content has been passed on, sending the call again would repeat text.
    "truncated_stream_accepted": "reported to the caller as an error, or answered by another upstream",
    "malformed_chunk_ignored": "reported to the caller as an error, or answered by another upstream",
    # With one candidate there is nothing else to try: the caller gets 502 or 504 and `x-should-retry: false`. With two,
    # the second has answered.
    "gave_up": "the next candidate was tried instead of the same one again",
}


class Ledger:
    """What the ledger must hold at the end: one row for each request, with its outcome."""

    def __init__(self, world):
        self.world = world
        self.expected = {}
        self.last = []

    def expect(self, request_id, outcome, what):
        self.expected[request_id] = (outcome, what)

    def expect_last(self, model, outcome, what):
        """For a caller that left before it was told the request's id."""
        self.last.append((model, outcome, what))

    def check(self, report):
        report.section("ledger")

        def complete():
            rows = self.world.logs()
            found = {row["id"] for row in rows}
            asked = {row["requested_model"] for row in rows}
            return rows if self.expected.keys() <= found and {model for model, *_ in self.last} <= asked else None

        try:
            rows = harness.until("the rows of all requests", complete, deadline=10)
        except TimeoutError:
            rows = self.world.logs()
        by_id = {}
        for row in rows:
            by_id.setdefault(row["id"], []).append(row["outcome"])
        wrong = [
            f"{what}: {by_id.get(request_id)} instead of {outcome}"
            for request_id, (outcome, what) in self.expected.items() if by_id.get(request_id) != [outcome]
        ]
        report.check("one row for each request, with its outcome", not wrong, "; ".join(wrong) or f"{len(rows)} rows")
        left = {model: [row["outcome"] for row in rows if row["requested_model"] == model] for model, *_ in self.last}
        wrong = [f"{what}: {left[model]}" for model, outcome, what in self.last if left[model] != [outcome]]
        report.check("one row for each caller that left", left and not wrong, "; ".join(wrong) or f"{len(left)} rows")
        partial = [row for row in rows if row["outcome"] in ("interrupted", "client_cancelled")]
        uncounted = [row["id"] for row in partial if row["first_token_micros"] and not row["usage"]]
        told = (self.world.folder / "signalbox.log").read_text() + json.dumps(rows)
        secrets = [self.world.key, MOCK_SECRET, FAULTY_SECRET]
        report.check("no secret in the log or the ledger", not any(secret in told for secret in secrets))
        report.check("partial answers are counted", partial and not uncounted, f"{len(partial)} rows")


class Silent:
    """Requests to upstreams that are silent for longer than a head is held back; they run beside everything else."""

    MODELS = {"patient/held": "answers at last", "patient/held-alone": "fails", "@alias/held-then": "fails, another at hand"}

    def __init__(self, world):
        gateway = Gateway(world.gateway, world.key)
        pool = ThreadPoolExecutor(len(self.MODELS))
        self.answers = {model: pool.submit(gateway.chat, model) for model in self.MODELS}

    def check(self, model, ledger):
        answer = self.answers[model].result(timeout=30)
        completed = model != "patient/held-alone"
        ledger.expect(answer.request_id, "completed" if completed else "failed", model)
        expect(answer.status == 200, f"status {answer.status}: {answer.body[:200]}")
        expect(answer.body.startswith(b":"), f"no comment while nothing came: {answer.body[:100]}")
        expect((answer.done, answer.clean, not answer.error) == (completed,) * 3, f"ended badly: {answer.body[-200:]}")
        if model.startswith("@"):
            expect(answer.text == GREETING and answer.routing(0)["selected_model"] == "mock/small", f"{answer.text}")
        return answer.error["code"] if answer.error else f"{len(answer.text)} characters"


def run(report, world, ledger, silent):
    gateway = Gateway(world.gateway, world.key)
    report.section("faults after content: an honest error, never a clean end")
    for kind in MID:
        name = f"mid-stream {kind} [{ROWS[kind]}]"
        report.attempt(f"{name}, one upstream", lambda: mid(gateway, ledger, f"faulty/raw-mid-{kind}", kind))
        report.attempt(f"{name}, another at hand", lambda: mid(gateway, ledger, f"@alias/mid-{kind}-then", kind))
    report.attempt("error event after content [15]", lambda: mid(gateway, ledger, "scripted/error-later", "error"))

    report.section("faults before content: another upstream answers, or an error the client will not retry")
    for kind in EARLY:
        name = f"{kind} before content [{ROWS[kind]}]"
        report.attempt(f"{name}, one upstream", lambda: alone(gateway, ledger, f"faulty/raw-early-{kind}", kind))
        report.attempt(f"{name}, another at hand", lambda: rescued(gateway, ledger, f"early-{kind}-then", kind))
    report.attempt("error event first [15], one upstream", lambda: alone(gateway, ledger, "scripted/error-first", "error"))
    report.attempt("error event first [15], another at hand", lambda: rescued(gateway, ledger, "error-first-then", "error"))
    for model, low, high in [("retry-date", 1, 4), ("retry-negative", 0, 120), ("retry-absurd", 1, 120)]:
        report.attempt(f"429 with Retry-After: {model[6:]} [11]", lambda: odd_wait(gateway, ledger, model, low, high))

    for model, what in silent.MODELS.items():
        report.attempt(f"silent, kept alive by comments, {what} [9]", lambda: silent.check(model, ledger))

    report.section("callers that leave [26]")
    for when in ["early", "middle"]:
        report.attempt(f"leaves {when}: upstream closed at once", lambda: leaves(gateway, world, ledger, when))

    report.section("the verdict of the faulty upstream on its client, the gateway")
    report.attempt("nothing found but what is explained", lambda: explained(world))
    world.forget()
    report.attempt("the same call to a second endpoint after a fault", lambda: twice(gateway, world, ledger))
    report.attempt("strictly clean: no error, no warning", lambda: clean(world))
    world.forget()
    report.attempt("429 with Retry-After is waited for, and not asked again before [11]", lambda: limited(gateway, world, ledger))
    report.attempt("strictly clean: no error, no warning (429)", lambda: clean(world))


def mid(gateway, ledger, model, kind):
    answer = gateway.chat(model)
    ledger.expect(answer.request_id, "interrupted", f"{model} broken off")
    expect(answer.status == 200, f"status {answer.status}: {answer.body[:200]}")
    expect(answer.text, "no content")
    expect(answer.error, f"no error event: {answer.body[-300:]}")
    expect(answer.error.get("source") == "provider", f"{answer.error}")
    expect("[DONE]" not in answer.data, "a [DONE] after the error")
    expect("error" in answer.events[-1], "something after the error event")
    expect(not answer.clean, "the transfer ended as if it were whole")
    expect(answer.text not in (GREETING,) and GREETING[:8] not in answer.text, "another upstream went on with the text")
    wanted = "stream_stalled" if kind == "stall" else "stream_interrupted"
    expect(answer.error["code"] == wanted, f"{answer.error}")
    return f"{len(answer.text)} characters, then {answer.error['code']}"


def alone(gateway, ledger, model, kind):
    began = time.monotonic()
    answer = gateway.chat(model)
    ledger.expect(answer.request_id, "failed", f"{model} alone")
    wanted = {"400": 400, "429": 429, "stall": 504, "slow": 504}.get(kind, 502)
    expect(answer.status == wanted, f"status {answer.status}, expected {wanted}: {answer.body[:200]}")
    error = answer.json["error"]
    expect(error["source"] == "provider" and error["provider"], f"{error}")
    retry = answer.headers.get("x-should-retry")
    if wanted == 429:
        expect(0 < int(answer.headers["retry-after"]) <= 9, f"{answer.headers}")
    elif wanted != 400:
        expect(retry == "false", f"x-should-retry: {retry}")
    return f"{answer.status} {error['code']} in {time.monotonic() - began:.2f} s"


def rescued(gateway, ledger, policy, kind):
    began = time.monotonic()
    answer = gateway.chat(f"@alias/{policy}")
    if kind == "400":
        # The same request would be refused anywhere: it is not sent on.
        ledger.expect(answer.request_id, "failed", policy)
        expect(answer.status == 400, f"status {answer.status}: {answer.body[:200]}")
        return "400, not sent on"
    ledger.expect(answer.request_id, "completed", policy)
    expect(answer.status == 200, f"status {answer.status}: {answer.body[:200]}")
    expect(answer.text == GREETING, f"said {answer.text!r}")
    expect(answer.done and answer.clean and not answer.error, f"ended badly: {answer.body[-200:]}")
    expect(answer.headers["x-routing-model"] == "mock/small", f"{answer.headers}")
    routing = answer.routing(0)
    expect(routing["selected_model"] == "mock/small", f"{routing}")
    outcomes = [attempt["outcome"] for attempt in routing["attempts"]]
    expect(len(outcomes) == 2 and outcomes[1] == "ok" != outcomes[0], f"{routing['attempts']}")
    return f"{' -> '.join(outcomes)} in {time.monotonic() - began:.2f} s"


def odd_wait(gateway, ledger, model, low, high):
    answer = gateway.chat(f"scripted/{model}", stream=False)
    ledger.expect(answer.request_id, "failed", model)
    expect(answer.status == 429, f"status {answer.status}")
    wait = answer.headers.get("retry-after")
    expect(wait is None and low == 0 or wait and low <= int(wait) <= high, f"retry-after: {wait}")
    return f"retry-after: {wait}"


def leaves(gateway, world, ledger, when):
    """Each leave must be noticed, and half of them at once: a busy machine may hold one up, a gateway must not."""
    late = sorted(leave(gateway, world, ledger, when, f"raw-leave-{when}-{number}") for number in range(LEAVES))
    expect(late[LEAVES // 2] <= CLOSED_WITHIN, f"the upstream was closed after {late} s")
    return f"median {late[LEAVES // 2] * 1e3:.1f}, worst {late[-1] * 1e3:.1f} ms"


def leave(gateway, world, ledger, when, model):
    connection = gateway.begin(f"patient/{model}")
    if when == "middle":
        response = connection.getresponse()
        ledger.expect(response.getheader("x-request-id"), "client_cancelled", f"left {when}")
        expect(response.read1(65536), "nothing came")
        at = time.monotonic()
        response.close()
    else:
        harness.until("the call of the upstream", lambda: world.faulty_has_begun(model))
        at = time.monotonic()
    connection.close()
    ledger.expect_last(f"patient/{model}", "client_cancelled", f"raw left {when}")
    return world.closed_after(model, at)


def explained(world):
    verdict = world.verdict()
    models = {row["seq"]: row["model"] for row in world.faulty_journal()}
    by_code = {}
    for finding in verdict["findings"]:
        by_code.setdefault((finding["severity"], finding["code"]), []).append(models[finding["requests"][-1]])
    print(f"    {verdict['calls']} calls, {verdict['attempts']} attempts, {verdict['faults_injected']} faults injected")
    for (severity, code), found in by_code.items():
        print(f"    {severity} {code}, {len(found)} times: {', '.join(found)}")
        print(f"      explained: {EXPLAINED.get(code, 'NO')}")
    unexplained = {code for _, code in by_code} - EXPLAINED.keys()
    expect(not unexplained, f"unexplained: {unexplained}")
    expect(verdict["attempts"] == verdict["calls"], "the same upstream was asked again after a fault")
    return f"{len(verdict['findings'])} findings, {len(by_code)} kinds"


def twice(gateway, world, ledger):
    """Two endpoints of one upstream, so that it sees the fallback as the repeated call that it is."""
    faults = {**EARLY, "stall": {**EARLY["stall"], "stall_seconds": 5}}
    world.told_to([{**faults[kind], "times": 1, "match": {"model": f"twice-{kind}"}} for kind in TWICE])
    for kind in TWICE:
        answer = gateway.chat(f"@alias/twice-{kind}")
        ledger.expect(answer.request_id, "completed", f"twice {kind}")
        expect(answer.done and answer.clean and answer.text, f"{kind}: {answer.status} {answer.body[-200:]}")
        expect(answer.headers["x-routing-model"] == f"south/twice-{kind}", f"{answer.headers}")
        expect(len(world.faulty_journal(f"twice-{kind}")) == 2, f"{kind}: not two calls")
    return ", ".join(TWICE)


def limited(gateway, world, ledger):
    world.told_to([{"type": "fail", "status": 429, "retry_after": 2, "times": 1, "match": {"model": "limited"}}])
    waits = []
    for _ in range(3):
        answer = gateway.chat("faulty/limited", stream=False)
        ledger.expect(answer.request_id, "failed", "limited")
        expect(answer.status == 429, f"status {answer.status}: {answer.body[:200]}")
        waits.append(int(answer.headers["retry-after"]))
    expect(all(0 < wait <= 2 for wait in waits), f"{waits}")
    asked = len(world.faulty_journal("limited"))
    expect(asked == 1, f"the upstream was asked {asked} times while it wanted to be left alone")
    time.sleep(waits[-1])
    answer = gateway.chat("faulty/limited", stream=False)
    ledger.expect(answer.request_id, "completed", "limited, later")
    expect(answer.status == 200, f"status {answer.status}: {answer.body[:200]}")
    return f"retry-after {waits}, then answered"


def clean(world):
    verdict = world.verdict()
    expect(verdict["faults_injected"] > 0, "no fault was injected")
    expect(not verdict["findings"], world.verdict(text=True))
    return f"{verdict['calls']} calls, {verdict['attempts']} attempts, {verdict['faults_injected']} faults"
