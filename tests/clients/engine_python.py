"""The engine as an independent client sees it: PyPI's grpcio over TCP, with nothing of ours but the proto files.

Health, Decide, Score, Report; the services of the configuration; Scorecards.Upload; drafts and versions.
"""

import json
import os
import pathlib
import sys
import tempfile

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_tools import protoc

ENGINE, PLATFORM_KEY, ROUTING_KEY, PROTOS = (
    os.environ[name] for name in ["ENGINE", "PLATFORM_KEY", "ROUTING_KEY", "PROTOS"]
)
WAIT = 10
HARD = (
    "Prove that every finite group of order p squared is abelian, then construct a counterexample for order p cubed, "
    "and derive the number of isomorphism classes for both with full justification of every step."
)


def generated():
    """Compiles the proto files as any client would, and imports what comes of it."""
    out = tempfile.mkdtemp(prefix="signalbox-protos-")
    files = [str(path) for path in pathlib.Path(PROTOS).rglob("*.proto")]
    includes = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{PROTOS}", f"-I{includes}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    assert protoc.main(arguments) == 0, "the proto files do not compile"
    sys.path.insert(0, out)


generated()
from admin.v1 import (  # noqa: E402
    admin_pb2, admin_pb2_grpc, audit_pb2, audit_pb2_grpc, drafts_pb2, objects_pb2, objects_pb2_grpc, scorecards_pb2,
)
from object.v1 import object_pb2  # noqa: E402
from routing.v1 import routing_pb2, routing_pb2_grpc  # noqa: E402

channel = grpc.insecure_channel(ENGINE)
routing = routing_pb2_grpc.RoutingStub(channel)
as_operator = [("authorization", f"Bearer {PLATFORM_KEY}")]


def say(**told):
    print(json.dumps(told), flush=True)


def check(name):
    def run(action):
        try:
            detail = action()
        except Exception as fault:
            say(check=name, ok=False, detail=f"{type(fault).__name__}: {fault}"[:400])
        else:
            say(check=name, ok=True, detail=detail or "")
    return run


def same(found, wanted, what="value"):
    assert found == wanted, f"{what}: {found!r}, expected {wanted!r}"


def refused(code, words, action):
    """The status with which a call is refused; its message holds these words."""
    try:
        action()
    except grpc.RpcError as fault:
        same(fault.code(), code, f"the status ({fault.details()})")
        assert words in fault.details(), f"{fault.details()!r} does not say {words!r}"
        return fault.details()
    raise AssertionError(f"nothing was refused, {code} was expected")


def call(stub, request, metadata=as_operator):
    return stub(request, timeout=WAIT, metadata=metadata)


def service(name):
    return getattr(objects_pb2_grpc, f"{name}Stub")(channel)


def decide(text, **more):
    request = routing_pb2.DecideRequest(route=routing_pb2.Route(policy_id="clever"), text=text, **more)
    return routing.Decide(request, timeout=WAIT)


# === Health ===


@check("health is told for the server and each service")
def _():
    health = health_pb2_grpc.HealthStub(channel)
    for name in ["", "routing.v1.Routing", "snapshot.v1.Snapshot", "admin.v1.Policies", "admin.v1.Scorecards"]:
        status = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=WAIT).status
        same(status, health_pb2.HealthCheckResponse.SERVING, name or "the server")
    watch = health.Watch(health_pb2.HealthCheckRequest(service="routing.v1.Routing"), timeout=WAIT)
    same(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
    watch.cancel()
    unknown = lambda: health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=WAIT)  # noqa: E731
    refused(grpc.StatusCode.NOT_FOUND, "", unknown)


# === Deciding ===


@check("an easy prompt goes to the small model, a hard one to the large")
def _():
    easy, hard = decide("hi"), decide(HARD)
    same(easy.decision.selected_model, "mock/small")
    same(hard.decision.selected_model, "mock/large")
    assert easy.score.complexity < 0.4 < 0.6 < hard.score.complexity
    record = json.loads(hard.decision.record_json)
    same(record["selected_model"], "mock/large")
    same(record["policy"], "clever")
    assert record["candidates"][0]["why"] and hard.decision.reason
    return f"{easy.score.complexity:.2f} and {hard.score.complexity:.2f}"


@check("the same question has the same answer")
def _():
    first, second = (decide(HARD, seed="req_00000000000000000000000001", now_micros=1) for _ in range(2))
    same(first.decision.record_json, second.decision.record_json)


@check("scores come in the order of the prompts and equal those of single prompts")
def _():
    texts = ["hi", HARD, "What is the capital of France?"]
    inputs = [routing_pb2.ScorerInput(text=text) for text in texts]
    together = routing.Score(routing_pb2.ScoreRequest(inputs=inputs), timeout=WAIT).scores
    alone = [routing.Score(routing_pb2.ScoreRequest(inputs=[one]), timeout=WAIT).scores[0] for one in inputs]
    for one, other in zip(together, alone, strict=True):
        assert abs(one.complexity - other.complexity) < 1e-4, f"{one.complexity} and {other.complexity}"


@check("bad questions are refused with the field and the cure")
def _():
    bad = grpc.StatusCode.INVALID_ARGUMENT
    refused(bad, "text", lambda: decide("x" * 70_000))
    nowhere = routing_pb2.DecideRequest(route=routing_pb2.Route(policy_id="no-such-policy"), text="hi")
    refused(grpc.StatusCode.NOT_FOUND, "no-such-policy", lambda: routing.Decide(nowhere, timeout=WAIT))
    refused(bad, "route", lambda: routing.Decide(routing_pb2.DecideRequest(text="hi"), timeout=WAIT))


@check("work that takes longer than its deadline ends the call")
def _():
    inputs = [routing_pb2.ScorerInput(text=f"{number} {HARD}" * 20) for number in range(64)]
    try:
        routing.Score(routing_pb2.ScoreRequest(inputs=inputs), timeout=0.003)
    except grpc.RpcError as fault:
        # Of so short a time the engine takes a third to say so; where a busy machine takes that, the transport cancels.
        assert fault.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED), fault
    else:
        raise AssertionError("the call took all the time that it wanted")


@check("outcomes of configured models are taken, others are not")
def _():
    organisation = call(service("Organisations").List, objects_pb2.ListRequest()).items[0].object.organisation.id
    outcome = lambda model: routing_pb2.OutcomeReport(  # noqa: E731
        organisation=organisation, model=model, outcome=routing_pb2.ATTEMPT_OUTCOME_OK, latency_micros=900_000,
        first_token_micros=100_000, output_tokens=80,
    )
    request = routing_pb2.ReportRequest(outcomes=[outcome("mock/small"), outcome("mock/nobody")])
    same(routing.Report(request, timeout=WAIT).accepted, 1)


# === Who may ===


@check("the configuration is for keys of scope platform")
def _():
    models = service("Models")
    listing = objects_pb2.ListRequest()
    refused(grpc.StatusCode.UNAUTHENTICATED, "authorization", lambda: call(models.List, listing, None))
    routing_key = [("authorization", f"Bearer {ROUTING_KEY}")]
    refused(grpc.StatusCode.PERMISSION_DENIED, "platform", lambda: call(models.List, listing, routing_key))


# === Objects ===


@check("pages hold every object once")
def _():
    models, seen, token = service("Models"), [], ""
    while True:
        page = call(models.List, objects_pb2.ListRequest(page_size=7, page_token=token))
        seen += [item.object.model.id for item in page.items]
        token = page.next_page_token
        if not token:
            break
    whole = [item.object.model.id for item in call(models.List, objects_pb2.ListRequest(page_size=1000)).items]
    same(seen, whole)
    assert len(seen) == len(set(seen)) > 20
    refused(grpc.StatusCode.INVALID_ARGUMENT, "page_token",
            lambda: call(models.List, objects_pb2.ListRequest(page_token="nonsense")))
    return f"{len(seen)} models"


@check("a masked update changes its fields alone, an old etag nothing")
def _():
    models = service("Models")
    before = call(models.Get, objects_pb2.GetRequest(name="mock/small"))
    wanted = object_pb2.Object(model=object_pb2.Model(pricing=object_pb2.Pricing(prompt="0.0000002")))

    def update(etag, *paths):
        return call(models.Update, objects_pb2.UpdateRequest(
            name="mock/small", object=wanted, update_mask=FieldMask(paths=paths), etag=etag))

    after = update(before.etag, "pricing.prompt")
    expected = before.object.model
    expected.pricing.prompt = "0.0000002"
    same(after.object.model, expected)
    refused(grpc.StatusCode.ABORTED, "etag", lambda: update(before.etag, "pricing.prompt"))
    refused(grpc.StatusCode.INVALID_ARGUMENT, "pricing", lambda: update("", "pricng.prompt"))


@check("a request that is repeated with its idempotency key happens once")
def _():
    projects = service("Projects")
    make = lambda name: call(projects.Create, objects_pb2.CreateRequest(  # noqa: E731
        object=object_pb2.Object(project=object_pb2.Project(name=name)), idempotency_key="python-once"))
    first, second = make("night shift"), make("night shift")
    same(first.object.project.id, second.object.project.id)
    refused(grpc.StatusCode.INVALID_ARGUMENT, "idempotency", lambda: make("day shift"))


# === Scorecards, blends, policies ===


def upload(text, **declared):
    declaration = scorecards_pb2.ScoresDeclaration(
        file_name="support.csv", name="support", metric="accuracy",
        normalisation=object_pb2.Normalisation(bounds=object_pb2.Normalisation.Bounds(min=0, max=1)), **declared)

    def parts():
        yield scorecards_pb2.UploadScoresRequest(declaration=declaration)
        data = text.encode()
        for at in range(0, len(data), 16):
            yield scorecards_pb2.UploadScoresRequest(chunk=data[at:at + 16])

    return service("Scorecards").Upload(parts(), timeout=WAIT, metadata=as_operator)


SCORES = "model_id,score,notes\nmock/small,0.71,\nmock/large,0.86,\"steady, slow\"\n"


@check("a file of scores is brought in chunks; one with a fault is refused whole, with its line")
def _():
    bad = upload(SCORES + "mock/small,0.5,again\n")
    same([fault.line for fault in bad.faults], [4])
    scorecards = service("Scorecards")
    refused(grpc.StatusCode.NOT_FOUND, "support",
            lambda: call(scorecards.Get, objects_pb2.GetRequest(name="support")))
    same(len(upload(SCORES, dry_run=True).scorecards), 1)
    refused(grpc.StatusCode.NOT_FOUND, "support",
            lambda: call(scorecards.Get, objects_pb2.GetRequest(name="support")))
    saved = upload(SCORES, idempotency_key="python-scores")
    assert not saved.faults, saved.faults
    kept = call(scorecards.Get, objects_pb2.GetRequest(name="support")).object.scorecard
    same({cell.model: cell.score for cell in kept.cells}, {"mock/small": 0.71, "mock/large": 0.86})
    return "; ".join(sorted({flag.kind for flag in saved.flags}))


def blend_of(weight, **more):
    return object_pb2.Object(blend=object_pb2.Blend(
        name="python blend", weights=[object_pb2.BlendWeight(benchmark="support", weight=weight)], boost=2.0, z=1.0,
        rank_by=object_pb2.RANK_BY_MEAN, **more))


@check("a blend whose weights do not sum to 1 is refused, one that does decides")
def _():
    blends = service("Blends")
    refused(grpc.StatusCode.INVALID_ARGUMENT, "sum",
            lambda: call(blends.Create, objects_pb2.CreateRequest(object=blend_of(0.9))))
    blend = call(blends.Create, objects_pb2.CreateRequest(object=blend_of(1.0))).object.blend
    strategy = object_pb2.Strategy(blend=object_pb2.Strategy.BlendOf(blend=blend.name))
    listed = object_pb2.Candidates.Listed(models=[object_pb2.PolicyModel(model=name) for name in
                                                  ["mock/small", "mock/large"]])
    policy = object_pb2.Policy(name="by blend", candidates=object_pb2.Candidates(listed=listed), strategy=strategy)
    call(service("Policies").Create, objects_pb2.CreateRequest(object=object_pb2.Object(policy=policy)))
    request = routing_pb2.DecideRequest(route=routing_pb2.Route(policy_id="by-blend"), text="hi")
    decision = routing.Decide(request, timeout=WAIT).decision
    same(list(decision.candidates), ["mock/large", "mock/small"])
    same(json.loads(decision.record_json)["candidates"][0]["score"], 0.86)


@check("a draft counts once it is promoted, and the version before counts again after a rollback")
def _():
    policies = service("Policies")
    live = call(policies.Get, objects_pb2.GetRequest(name="by blend")).object.policy
    single = object_pb2.Strategy(single=object_pb2.Strategy.Single(model="mock/small"))
    draft = object_pb2.Policy()
    draft.CopyFrom(live)
    draft.strategy.CopyFrom(single)
    call(policies.SaveDraft, drafts_pb2.SaveDraftRequest(object=object_pb2.Object(policy=draft)))
    diff = call(policies.DiffDraft, objects_pb2.GetRequest(name="by blend"))
    assert any("strategy" in change for line in diff.lines for change in line.changes), diff

    def chosen():
        request = routing_pb2.DecideRequest(route=routing_pb2.Route(policy_id="by-blend"), text="hi")
        return routing.Decide(request, timeout=WAIT).decision.selected_model

    same(chosen(), "mock/large", "before")
    call(policies.Promote, objects_pb2.ActRequest(name="by blend"))
    same(chosen(), "mock/small", "promoted")
    call(policies.Rollback, drafts_pb2.RollbackRequest(name="by blend"))
    same(chosen(), "mock/large", "rolled back")
    versions = call(policies.ListVersions, drafts_pb2.ListVersionsRequest(name="by blend")).versions
    same([version.number for version in versions], [3, 2, 1])


@check("what was changed stands in the audit log, with who did it")
def _():
    audit = audit_pb2_grpc.AuditStub(channel)
    entries = call(audit.List, audit_pb2.ListAuditRequest(page_size=100)).entries
    ours = [entry for entry in entries if entry.name == "by blend"]
    same(len(ours), 3 + 1, "entries of the policy: created, draft saved, promoted, rolled back")
    assert all(entry.actor.startswith("key_") for entry in ours), {entry.actor for entry in ours}


@check("what others refer to is not deleted, and those are named")
def _():
    act = objects_pb2.ActRequest(name="support")
    told = refused(grpc.StatusCode.FAILED_PRECONDITION, "python blend",
                   lambda: call(service("Scorecards").Delete, act))
    same("by blend" in refused(grpc.StatusCode.FAILED_PRECONDITION, "",
                               lambda: call(service("Blends").Delete, objects_pb2.ActRequest(name="python blend"))),
         True, "the policy is named")
    return told


@check("explain decides with the same code and calls nobody")
def _():
    request = admin_pb2.ExplainRequest(policy="clever", text=HARD)
    answer = call(admin_pb2_grpc.AdminStub(channel).Explain, request)
    same(json.loads(answer.record_json)["selected_model"], "mock/large")
