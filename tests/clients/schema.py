"""schemathesis on the paths that the gateway shares with OpenAI, by OpenAI's own description cut down to them.

Requests are made from the description, sound ones and unsound ones; what comes back is held against it. Seeded: the same
requests every time. Long runs take other seeds.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

from probe import GATEWAY, check

PATHS = {
    "/chat/completions": ["post"], "/responses": ["post"], "/embeddings": ["post"], "/models": ["get"],
    "/models/{model}": ["get"],
}
# Checks that are left out, and why.
EXCLUDED = {
    "positive_data_acceptance": "the description's bodies ask for models that are none of ours, and are refused with 404",
    "negative_data_rejection": "what the gateway does not act on travels to the provider as it came, for it to judge",
    "status_code_conformance": "the description tells of success only: every refusal would be a failure",
    "response_schema_conformance": "`conformance.py` checks it, against answers that were really given",
    "missing_required_header": "there are none but the key, which `ignored_auth` checks",
    "unsupported_method": "it sends TRACE and others, which are refused with 405, to paths that a router may have too",
}
# A key for models of the mock only: the demo provider has no embeddings, which is a failure of a provider.
NARROW_KEY = os.environ["NARROW_KEY"]
FULL = os.environ.get("FULL") == "1"
EXAMPLES, SECONDS, SEED = (300, 900, None) if FULL else (12, 45, 20261122)


def cut(spec):
    """The description less every path but ours, and less what then nothing refers to."""
    paths = {path: {method: spec["paths"][path][method] for method in methods} for path, methods in PATHS.items()}
    kept, left = {}, references(paths)
    while left:
        kind, name = left.pop()
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = spec["components"][kind][name]
            left |= references(kept[kind][name])
    kept["securitySchemes"] = spec["components"]["securitySchemes"]
    return {**{name: spec[name] for name in ["openapi", "info", "security"]}, "paths": paths, "components": kept}


def references(value):
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()))
    target = value.get("$ref")
    return found | ({tuple(target.split("/")[-2:])} if isinstance(target, str) else set())


def failures(told):
    """What failed, by its title, in what is printed."""
    return {line[2:].strip() for line in told.split("\n") if line.startswith("- ")}


@check(f"no unexplained failure, {EXAMPLES} examples an operation at most")
def _():
    with open(os.environ["OPENAI_OPENAPI"], encoding="utf-8") as file:
        spec = cut(yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    with tempfile.TemporaryDirectory(prefix="signalbox-schema-") as folder:
        path = pathlib.Path(folder) / "openapi.json"
        path.write_text(json.dumps(spec))
        command = [
            pathlib.Path(sys.executable).parent / "schemathesis", "run", path, "--url", f"{GATEWAY}/v1",
            "--header", f"Authorization: Bearer {NARROW_KEY}", "--exclude-checks", ",".join(EXCLUDED), "--max-time", SECONDS,
            "--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--no-shrink", "--continue-on-failure",
            "--request-timeout", "20", "--suppress-health-check", "all", "--generation-database", "none", "--no-color",
            "--warnings", "off", *(["--seed", SEED] if SEED else []),
        ]
        done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    told = pathlib.Path(os.environ["FOLDER"]) / "schemathesis.log"
    told.write_text(done.stdout + done.stderr)
    assert done.returncode == 0, f"see {told}: {', '.join(sorted(failures(done.stdout))) or done.stdout[-200:]}"
    return next(line.strip() for line in done.stdout.split("\n") if " generated" in line)
