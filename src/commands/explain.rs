//! `signalbox explain`: the decision for one request, without calling a model.
//!
//! The engine decides, with the code that serves requests: a running one, or one started for the occasion over a
//! configuration file (`--config`), which needs no server and no secrets.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use config::{Positions, Secrets};
use dialect::openai::request::ChatRequest;
use dialect::openai::{BadRequest, ErrorBody, Source};
use domain::{Constraints, Decision, Facts, Labels, RouterId, Score};
use engine::{Engine, EngineParts, Limits, StartingScorers};
use gateway::SystemClock;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::explain_response::Answer;
use proto::pb::routing::v1 as routing;
use registry::Registry;
use seal::{Keyring, SealingKey};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::cli::{ExplainArgs, ServerArgs};
use crate::commands::located;
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::ServerLink;

/// The file of `--request`; only `body` is required.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Box<RawValue>,
}

/// Explains one request.
pub(crate) async fn run(args: ExplainArgs) -> anyhow::Result<Exit> {
    let given = read(&args.request)?;
    let body = Bytes::from(given.body.get().to_owned());
    let decoded =
        ChatRequest::decode(body).and_then(|request| Ok((request.constraints(), labels(&given, &request)?, request)));
    let (constraints, labels, request) = match decoded {
        Ok(decoded) => decoded,
        Err(fault) => return refused(&bad_request(&fault)),
    };
    let request = explain_request(&args, &given, &request, constraints, labels)?;
    let response = match &args.config {
        Some(file) => over_file(file, request).await?,
        None => ServerLink::connect(&args.server).await?.explain(request).await?,
    };
    let score = response.score.map(Score::try_from).transpose().map_err(|fault| anyhow!("the server sent {fault}"))?;
    match response.answer.context("the server sent no answer")? {
        Answer::RecordJson(record) if args.json => output::line(with_scoring(&record, score, &response.influences)?)?,
        Answer::RecordJson(record) => {
            let decision = serde_json::from_slice(&record).context("the server sent a record that cannot be read")?;
            print(&decision, score.as_ref(), &response.influences)?;
            if let Some(fault) = &response.influences_fault {
                output::line(format!("\nwhat moved the score is not known: {fault}"))?;
            }
        }
        Answer::RefusalJson(refusal) => return refused(&refusal),
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<Given> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    serde_json::from_str(&text).map_err(|fault| {
        UsageError(format!(
            "{}: {fault}; expected {{\"path\": …, \"key\": …, \"headers\": {{…}}, \"body\": {{…}}}}, of which only `body` is required",
            file.display()
        ))
        .into()
    })
}

/// What rules read of the request; key and project are found by the engine.
fn labels(given: &Given, request: &ChatRequest) -> Result<Labels, BadRequest> {
    let headers = || given.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    request.labels(&request.tags(headers())?, headers())
}

fn explain_request(
    args: &ExplainArgs,
    given: &Given,
    request: &ChatRequest,
    constraints: Constraints,
    labels: Labels,
) -> anyhow::Result<pb::ExplainRequest> {
    if args.complexity.is_some_and(|complexity| !(0.0..=1.0).contains(&complexity)) {
        return Err(UsageError("--complexity: from 0 to 1".to_owned()).into());
    }
    let extensions = request.extensions();
    let header = |name: &str| {
        given.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let input = request.scorer_input();
    let facts = Facts {
        features: request.features().clone(),
        requested_model: request.model().map(str::to_owned),
        constraints,
        allowed_models: Vec::new(),
        labels,
    };
    Ok(pb::ExplainRequest {
        organisation: None,
        key: given.key.clone(),
        router: given.path.as_deref().and_then(router_of),
        routing_policy: extensions.routing_policy_id.clone().or_else(|| header("x-routing-policy-id")),
        project: extensions.project_id.clone().or_else(|| header("x-project-id")),
        policy: args.policy.clone(),
        facts: Some((&facts).into()),
        text: input.text,
        context: input.context,
        truncated: input.truncated,
        complexity: args.complexity,
        capabilities: args.capability.iter().map(|text| capability(text)).collect::<anyhow::Result<_>>()?,
        seed: None,
        models: extensions.models.clone().unwrap_or_default(),
        influences: true,
    })
}

/// The router of a path such as `/rtr_…/chat/completions`.
fn router_of(path: &str) -> Option<String> {
    let first = path.trim_start_matches('/').split('/').next()?;
    first.starts_with(RouterId::PREFIX).then(|| first.to_owned())
}

fn capability(text: &str) -> anyhow::Result<routing::Capability> {
    let parsed = text.split_once('=').and_then(|(tag, probability)| Some((tag, probability.parse::<f64>().ok()?)));
    let (tag, probability) =
        parsed.ok_or_else(|| UsageError(format!("--capability: `{text}` is not of the form code=0.9")))?;
    Ok(routing::Capability { tag: tag.to_owned(), probability })
}

/// Explains with an engine of its own, over a configuration file alone.
async fn over_file(file: &Path, request: pb::ExplainRequest) -> anyhow::Result<pb::ExplainResponse> {
    let loaded = config::load(file, Secrets::Placeholder).map_err(|faults| UsageError(faults.to_string()))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let registry = Registry::open(&data_dir::registry(folder.path()), Keyring::new(SealingKey::generate())).await?;
    let organisation = registry.bootstrap().await?.context("a new registry has an organisation")?.organisation;
    apply(&registry, &organisation, file, &loaded.desired, &loaded.positions).await?;
    let engine = Engine::new(EngineParts {
        registry,
        scorers: StartingScorers::fixed(Arc::new(scorer::builtin::load()?)),
        records: None,
        clock: Arc::new(SystemClock::default()),
        limits: Limits::default(),
    })?;
    let socket = data_dir::admin_socket(folder.path());
    let listeners = engine::Listeners { unix: Some(engine::bind_unix(&socket)?), ..engine::Listeners::default() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move { engine.serve(listeners, async { drop(stopped.await) }).await });
    let server = ServerArgs { server: None, data_dir: folder.path().to_owned(), key: None };
    let answer = ServerLink::connect(&server).await?.explain(request).await;
    drop(stop);
    serving.await??;
    answer
}

async fn apply(
    registry: &Registry,
    organisation: &domain::OrganisationId,
    file: &Path,
    desired: &domain::Desired,
    positions: &Positions,
) -> anyhow::Result<()> {
    registry.apply(organisation, desired, false).await.map_err(|error| match error.faults() {
        [] => anyhow!(error),
        faults => UsageError(located(file, positions, faults)).into(),
    })?;
    Ok(())
}

/// What the gateway would send for a body that it refuses.
fn bad_request(fault: &BadRequest) -> Vec<u8> {
    let body = ErrorBody {
        message: &fault.message,
        kind: "invalid_request_error",
        param: fault.param.as_deref(),
        code: Some(fault.code),
        source: Source::Gateway,
        provider: None,
        extra: &[],
    };
    body.to_json().to_vec()
}

fn refused(json: &[u8]) -> anyhow::Result<Exit> {
    output::line(String::from_utf8_lossy(json))?;
    Ok(Exit::Failed)
}

/// The record as the engine wrote it, and beside its members `scoring`: what the scorer said and what moved it.
fn with_scoring(record: &[u8], score: Option<Score>, influences: &[pb::Influence]) -> anyhow::Result<String> {
    let record = std::str::from_utf8(record).context("the server sent a record that cannot be read")?;
    let Some((score, open)) = score.zip(record.trim_end().strip_suffix('}')) else { return Ok(record.to_owned()) };
    let influences = influences
        .iter()
        .map(|it| json!({ "piece": it.piece, "complexity": it.complexity, "difficulty": it.difficulty }));
    let tags: serde_json::Map<_, _> =
        score.capabilities.iter().map(|(tag, probability)| (tag.to_string(), json!(probability))).collect();
    let scoring = json!({
        "complexity": score.complexity,
        "uncertainty": score.uncertainty,
        "difficulty": score.difficulty,
        "capabilities": tags,
        "expected_output_tokens": score.expected_output_tokens,
        "truncated": score.truncated,
        "version": score.version,
        "micros": score.micros,
        "influences": influences.collect::<Vec<_>>(),
    });
    Ok(format!("{open},\"scoring\":{scoring}}}"))
}

fn print(decision: &Decision, score: Option<&Score>, influences: &[pb::Influence]) -> anyhow::Result<()> {
    output::line(format!("{}\n", decision.reason))?;
    let complexity = match (decision.complexity, score) {
        (Some(complexity), Some(score)) if score.uncertainty > 0.0 => {
            format!("{complexity:.3} ± {:.3}", score.uncertainty)
        }
        (complexity, _) => or_dash(complexity.map(|it| format!("{it:.3}"))),
    };
    let strategy = match decision.axis {
        Some(axis) => format!("{} / {}", decision.strategy, axis.as_str()),
        None => decision.strategy.clone(),
    };
    let mut facts = vec![
        ("policy", or_dash(decision.policy.as_ref())),
        ("strategy", strategy),
        ("complexity", complexity),
        ("adjusted", or_dash(decision.adjusted.map(|it| format!("{it:.3}")))),
        ("scorer", or_dash(decision.scorer.as_ref())),
    ];
    if let Some(rule) = &decision.rule {
        facts.insert(1, ("rule", rule.clone()));
    }
    let tags: Vec<_> =
        decision.capabilities.iter().filter(|(_, p)| *p >= 0.1).map(|(tag, p)| format!("{tag} {p:.2}")).collect();
    facts.push(("tags", if tags.is_empty() { "-".to_owned() } else { tags.join(", ") }));
    if let Some(score) = score {
        let tokens = score.expected_output_tokens;
        facts.push(("difficulty", format!("{:+.2}", score.difficulty)));
        facts.push(("answer", format!("about {} tokens, rarely more than {}", tokens.p50, tokens.p90)));
    }
    if let Some(degraded) = decision.degraded {
        facts.push(("degraded", degraded.as_str().to_owned()));
    }
    if decision.truncated {
        facts.push(("read", "the beginning and the end of the prompt only".to_owned()));
    }
    for (name, value) in facts {
        output::line(format!("  {name:<11} {value}"))?;
    }
    // What would be shown as 0.00 moved nothing that anybody would notice.
    for (place, it) in influences.iter().filter(|it| it.complexity.abs() >= 0.005).enumerate() {
        let name = if place == 0 { "moved by" } else { "" };
        output::line(format!("  {name:<11} {:+.2} \"{}\"", it.complexity, it.piece))?;
    }
    output::line("")?;
    let rows = decision.candidates.iter().enumerate().map(|(place, candidate)| {
        let position = or_dash(candidate.position.map(|it| format!("{it:.2}")));
        [
            (place + 1).to_string(),
            candidate.model.to_string(),
            position,
            or_dash(candidate.expected_cost_usd),
            or_dash(candidate.why.as_ref()),
        ]
    });
    output::table(["#", "MODEL", "POSITION", "EXPECTED $", "WHY"], rows.collect(), "no candidates")?;
    for removed in &decision.removed {
        output::line(format!("  removed: {} ({})", removed.model, removed.reason.as_str()))?;
    }
    Ok(())
}
