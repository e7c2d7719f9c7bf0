"""What the scripts of the clients share: how a check is told, and what they are told of the world."""

import json
import os

WHO, GATEWAY, KEY, GREETING = (os.environ[name] for name in ["WHO", "GATEWAY", "KEY", "GREETING"])
MOCKS, FAULTY, BROKEN = (os.environ[name].split(",") for name in ["MOCKS", "FAULTY", "BROKEN"])
HELLO = "Good day, who are you?"
WEATHER = "What is the weather in Paris?"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SKY = '{"sky": "clear", "celsius": 21}'
PERSON = {
    "type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"], "additionalProperties": False,
}


def say(**told):
    print(json.dumps(told), flush=True)


def check(name):
    def run(action):
        try:
            detail = action()
        except Exception as fault:
            say(check=name, ok=False, detail=f"{type(fault).__name__}: {fault}"[:400])
        else:
            say(check=name, ok=True, detail=str(detail or ""))
    return run


def each(name, slugs=None):
    """The same check at the provider of each dialect."""
    def run(action):
        for slug in slugs or MOCKS:
            check(f"{name}, by {slug}")(lambda slug=slug: action(slug))
    return run


def same(found, wanted, what="value"):
    assert found == wanted, f"{what}: {found!r}, expected {wanted!r}"


def raises(kind, action):
    try:
        action()
    except kind as fault:
        return fault
    raise AssertionError(f"no {kind.__name__}")


def breaks(kinds, take):
    """No stream that broke off may be taken for a whole: `take` reads one that does, and hands on what it got."""
    for slug in FAULTY:
        for kind in BROKEN:
            def broken(slug=slug, kind=kind):
                heard = []
                try:
                    take(f"{slug}/{WHO}-{slug}-mid-{kind}", heard.append)
                except kinds as fault:
                    assert "".join(heard), f"no content before {type(fault).__name__}: {fault}"
                    return f"{type(fault).__name__} after {len(''.join(heard))} characters"
                raise AssertionError(f"taken for a whole: {''.join(heard)!r}")
            check(f"mid-stream {kind} raises, by {slug}")(broken)
