//! Answers of models in every dialect: the life of one request, from its body to the head of its answer.

use std::sync::Arc;

use dialect::answer::Shown;
use dialect::canonical::Loss;
use dialect::{Answer, Dialect, Surface};
use domain::{Decision, Usage};
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::kept::Keeper;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;
use crate::pipeline::attempt::{Answered, Pursuit};
use crate::pipeline::bodies::Keepable;
use crate::pipeline::decide::decide;
use crate::pipeline::fallback::Chain;
use crate::pipeline::limits::{self, Asked, Standing};
use crate::pipeline::report::{self, Closing, Opening};
use crate::pipeline::settle::{End, Settle};
use crate::pipeline::stream;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const ROUTING_MODEL: HeaderName = HeaderName::from_static("x-routing-model");
const ROUTING_POLICY: HeaderName = HeaderName::from_static("x-routing-policy");
const ROUTING_REASON: HeaderName = HeaderName::from_static("x-routing-reason");
const OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const OVERHEAD: HeaderName = HeaderName::from_static("x-overhead-ms");

/// Answers a request. From here on every way out leaves a record.
pub(crate) async fn answer(
    worker: Arc<Worker>,
    context: RequestContext,
    request: Request<Incoming>,
    surface: Surface<'_>,
    mut in_flight: InFlight,
) -> Response<GatewayBody> {
    let in_array = surface.dialect == Dialect::Gemini && !asks_for_events(request.uri().query());
    let is_multiplexed = request.version() == Version::HTTP_2;
    let write_stall = worker.app.limits().write_stall;
    let mut settle = Settle::open(worker.app.clone(), context);
    // Boxed, here and below, so that a request that waits for its upstream keeps no room for what it is done with.
    let prepared = prepare(&worker, &mut settle, request, &surface, &mut in_flight).boxed().await;
    let recorder = settle.take_recorder();
    let response = match prepared {
        Ok(Prepared { request, forwarded, chain, keeper }) => {
            let tenant = settle.context().tenant();
            let router = surface.router.and_then(|id| tenant?.routers.get(id)).cloned();
            let loss = Loss::default();
            let pursuit = Box::new(Pursuit { worker, request, forwarded, loss, settle, chain, router, keeper });
            if pursuit.request.stream() { streamed(pursuit, in_array).await } else { whole(pursuit).await }
        }
        Err(failure) => refused(settle, &failure),
    };
    // An HTTP/1 connection notices by itself that its caller does not read.
    let response = if is_multiplexed { response.map(|body| body.watched(write_stall)) } else { response };
    response.map(|body| body.holding(Some(in_flight)).recorded(recorder))
}

/// Reads, checks and decides, and writes the start record.
async fn prepare(
    worker: &Worker,
    settle: &mut Settle,
    request: Request<Incoming>,
    surface: &Surface<'_>,
    in_flight: &mut InFlight,
) -> Result<Prepared, Failure> {
    let (head, body) = request.into_parts();
    check_media_type(&head.headers)?;
    settle.once(&head.headers)?;
    let body = body_limit::read(body, worker.app.limits(), in_flight).await?;
    settle.work_begins();
    settle.came_through(recorded(surface.dialect));
    let keepable = Keepable::of(settle.context(), &head.headers, &body);
    let target = surface.target.clone();
    let request = dialect::Request::decode(surface.dialect, body, target).map_err(Failure::Malformed)?;
    settle.keep(keepable, || request.constraints());
    settle.describe(request.model(), request.stream());
    let decided = decide(worker, settle.context(), &request, surface.router, &head.headers).await?;
    let tenant = settle.context().tenant().ok_or(Failure::NotReady)?.clone();
    let chain = Chain::new(&decided.decision, &tenant);
    let keeper = decided.keeper.clone();
    settle.decided(decided);
    limits::hold(settle, &Asked::of(&request)).await?;
    settle.start().map_err(|fault| {
        tracing::error!(%fault, "a start record cannot be written; the request is refused");
        Failure::RecordsUnavailable
    })?;
    Ok(Prepared { request, forwarded: forwarded(&head.headers, surface.dialect), chain, keeper })
}

/// A request that is ready to be sent on.
struct Prepared {
    request: dialect::Request,
    forwarded: HeaderMap,
    chain: Chain,
    keeper: Option<Keeper>,
}

/// The surface of a dialect, as rows name it.
pub(crate) fn recorded(dialect: Dialect) -> domain::Surface {
    match dialect {
        Dialect::Openai => domain::Surface::Chat,
        Dialect::OpenaiResponses => domain::Surface::Responses,
        Dialect::Anthropic => domain::Surface::Messages,
        Dialect::Gemini => domain::Surface::Gemini,
    }
}

/// The caller's headers that mean something to an upstream of the same dialect.
pub(crate) fn forwarded(headers: &HeaderMap, dialect: Dialect) -> HeaderMap {
    let names: &[HeaderName] = match dialect {
        Dialect::Openai | Dialect::OpenaiResponses => &[OPENAI_BETA],
        Dialect::Anthropic => &[ANTHROPIC_VERSION, ANTHROPIC_BETA],
        Dialect::Gemini => &[],
    };
    // Copies: a slice would keep the connection's whole buffer.
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
    let of_name = |name: &HeaderName| {
        headers.get_all(name).iter().filter_map(copy).map(|value| (name.clone(), value)).collect::<Vec<_>>()
    };
    names.iter().flat_map(of_name).collect()
}

/// Unpacked, and JSON by its own word, or no word at all: some clients send none.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.get(CONTENT_ENCODING).is_some_and(|packed| packed != "identity") {
        return Err(Failure::bad_header("Content-Encoding", "is not taken: send the body as it is"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json");
    if is_json { Ok(()) } else { Err(Failure::UnsupportedMediaType) }
}

/// Whether a caller of Gemini wants a stream as events; the vendor's own form is an array.
fn asks_for_events(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|pair| pair == "alt=sse")
}

async fn whole(pursuit: Box<Pursuit>) -> Response<GatewayBody> {
    let (pursuit, answered) = pursuit.run().boxed().await;
    match answered {
        Ok(Answered::Whole(answer)) => deliver(pursuit, &answer),
        Ok(Answered::Streaming(_)) => refused(pursuit.settle, &Failure::Internal),
        Err(failure) => refused(pursuit.settle, &failure),
    }
}

fn deliver(mut pursuit: Box<Pursuit>, answer: &Answer) -> Response<GatewayBody> {
    let usage = answer.usage().unwrap_or_else(|| Usage {
        prompt_tokens: pursuit.request.features().input_tokens,
        completion_tokens: answer.estimated_completion(),
        estimated: true,
        ..Usage::default()
    });
    pursuit.settle.consumed(usage);
    pursuit.settle.served_by(answer.served_model());
    // What the caller is told repeats what is recorded, so it is put aside before the account closes.
    let Some(told) = Told::of(&pursuit) else { return refused(pursuit.settle, &Failure::Internal) };
    let (id, created) = Told::identity(&pursuit);
    let echo = pursuit.request.echo_for(answer.dialect());
    let shown = Shown { model: &told.model, id: &id, created, usage: Some(usage), echo: &echo };
    let rendered = answer.render(pursuit.request.dialect(), &shown);
    let mut loss = pursuit.loss.clone();
    loss.extend(rendered.loss());
    pursuit.settle.lost(&loss);
    let settled = match pursuit.settle.finish(End::completed()) {
        Ok(settled) => settled,
        Err(fault) => {
            tracing::error!(%fault, "a record cannot be written; the answer is withheld");
            return pursuit.settle.context().voice.response(&Failure::RecordsUnavailable);
        }
    };
    let requested = pursuit.request.model();
    let routing = pursuit.wants_report().then(|| {
        let opening = Opening::new(requested, &told.model, &told.decision, &told.attempts, &loss);
        opening.json_with(&Closing::new(&settled))
    });
    let named: Vec<(&str, &[u8])> =
        routing.iter().flat_map(|json| report::names(requested).iter().map(|name| (*name, json.as_ref()))).collect();
    let mut response = Response::new(GatewayBody::full(rendered.finish(&named)));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    told.write_headers(response.headers_mut());
    write_overhead(response.headers_mut(), pursuit.settle.overhead());
    response
}

async fn streamed(pursuit: Box<Pursuit>, in_array: bool) -> Response<GatewayBody> {
    let head_hold = pursuit.worker.app.limits().head_hold;
    let told = Told::of(&pursuit);
    let (worker, voice) = (pursuit.worker.clone(), pursuit.settle.context().voice);
    let key = pursuit.settle.context().key.clone();
    let mut running = pursuit.run().boxed();
    let (body, told) = match timeout(head_hold, &mut running).await {
        Ok((pursuit, Ok(Answered::Streaming(opened)))) => {
            let told = Told::of(&pursuit);
            (GatewayBody::stream(stream::flowing(pursuit, opened)), told)
        }
        Ok((pursuit, Ok(Answered::Whole(_)))) => return refused(pursuit.settle, &Failure::Internal),
        Ok((pursuit, Err(failure))) => return refused(pursuit.settle, &failure),
        // The head has been held long enough; candidates go on being tried behind it.
        Err(_) => (GatewayBody::stream(stream::waiting(running, &worker, voice, &key)), told),
    };
    let mut response = Response::new(if in_array { body.into_array() } else { body });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, if in_array { JSON } else { EVENT_STREAM });
    headers.insert(CACHE_CONTROL, NO_CACHE);
    if let Some(told) = told {
        told.write_headers(headers);
        write_overhead(headers, told.overhead);
    }
    response
}

pub(crate) fn refused(mut settle: Settle, failure: &Failure) -> Response<GatewayBody> {
    if let Err(fault) = settle.finish(failure.end()) {
        tracing::error!(%fault, "the record of a refused request cannot be written");
    }
    let mut response = settle.context().voice.response(failure);
    settle.standing().write_headers(response.headers_mut(), None);
    write_overhead(response.headers_mut(), settle.overhead());
    response
}

/// What headers and the `routing` object say of a decision.
struct Told {
    model: String,
    decision: Decision,
    attempts: Vec<domain::Attempt>,
    overhead: std::time::Duration,
    standing: Standing,
}

impl Told {
    fn of(pursuit: &Pursuit) -> Option<Self> {
        let decision = pursuit.settle.decision()?.clone();
        let model = pursuit.chain.current().unwrap_or(&decision.selected_model).to_string();
        let attempts = pursuit.settle.attempts().to_vec();
        Some(Self {
            model,
            decision,
            attempts,
            overhead: pursuit.settle.overhead(),
            standing: pursuit.settle.standing(),
        })
    }

    /// The name and time of an answer that has to change its dialect.
    fn identity(pursuit: &Pursuit) -> (String, i64) {
        let context = pursuit.settle.context();
        let id = pursuit.request.dialect().answer_id(&context.id.to_string());
        (id, context.now.unix_micros() / 1_000_000)
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        let mut write = |name: HeaderName, text: &str| {
            if let Some(value) = header_value(text) {
                headers.insert(name, value);
            }
        };
        write(ROUTING_MODEL, &self.model);
        write(ROUTING_REASON, &report::reason(&self.decision, &self.model));
        self.decision.policy.iter().for_each(|policy| write(ROUTING_POLICY, policy));
        self.standing.write_headers(headers, self.decision.degraded);
    }
}

fn write_overhead(headers: &mut HeaderMap, overhead: std::time::Duration) {
    if let Some(value) = header_value(&format!("{:.3}", report::millis(overhead))) {
        headers.insert(OVERHEAD, value);
    }
}

/// Header values are visible ASCII; anything else in a name or reason becomes `?`.
fn header_value(text: &str) -> Option<HeaderValue> {
    let visible: String = text.chars().map(|it| if it == ' ' || it.is_ascii_graphic() { it } else { '?' }).collect();
    HeaderValue::try_from(visible).ok()
}
