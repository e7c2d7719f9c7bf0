//! Tries the candidates of a request, one after another, until one answers.
//!
//! An answer is a whole body that was understood, or a stream whose first content event has come: until then nothing has
//! been promised to the caller, and falling back is free. What to try next is `fallback`'s decision.

mod observation;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::canonical::Loss;
use dialect::{Answer, BadAnswer, BadRequest, Dialect, Encoded, Request, StreamFault, StreamOptions, Translator};
use domain::{Attempt, AttemptOutcome, Credential, Model, ModelId, Provider, Router};
use http::HeaderMap;
use providers::{Access, Call, ContentKind, Fault, FaultKind, KeyPool, Repeat, Upstream, Waits, Wanted, sniff};
use seal::Secret;
use tokio::time::{Instant, timeout_at};

use crate::app::Worker;
use crate::error::Failure;
use crate::kept::Keeper;
use crate::pipeline::fallback::Chain;
use crate::pipeline::report::{self, Opening};
use crate::pipeline::settle::Settle;
use observation::Observation;
pub(crate) use observation::Watched;

/// An answer that may be passed on.
pub(crate) enum Answered {
    /// All of it.
    Whole(Box<Answer>),
    /// A stream that has begun to say something.
    Streaming(Box<Opened>),
}

/// A stream that has begun to say something.
pub(crate) struct Opened {
    pub(crate) upstream: Upstream,
    pub(crate) translator: Translator,
    /// What the caller has not been given yet.
    pub(crate) ready: BytesMut,
    pub(crate) waits: Waits,
    /// When all of it must have come.
    pub(crate) until: Instant,
    /// What the call was made with: errors that repeat it are masked.
    pub(crate) secret: Option<Arc<Secret>>,
    /// The terminal marker has come already.
    pub(crate) terminal: bool,
    /// Tells the engine of it once it has ended.
    pub(crate) watched: Watched,
}

/// One request on its way through its candidates.
pub(crate) struct Pursuit {
    pub(crate) worker: Arc<Worker>,
    pub(crate) request: Request,
    /// Headers of the caller that go on to an upstream of the same dialect.
    pub(crate) forwarded: HeaderMap,
    /// What the last translation of the request left out.
    pub(crate) loss: Loss,
    pub(crate) settle: Settle,
    pub(crate) chain: Chain,
    /// Through which it came: it says whose secrets may be used.
    pub(crate) router: Option<Arc<Router>>,
    /// Who has kept the answer that the request goes on with, where that is known.
    pub(crate) keeper: Option<Keeper>,
}

/// A candidate with everything that a call to it needs.
struct Target {
    model: Arc<Model>,
    provider: Arc<Provider>,
    dialect: Dialect,
    body: Bytes,
    /// What of the request the body leaves out.
    loss: Loss,
    key: Option<Key>,
    more_keys: bool,
    waits: Waits,
}

/// Why a candidate has no answer.
enum Stop {
    /// Another may be tried.
    Fault(Fault),
    /// A field is wrong where it has to be translated: the caller's mistake, of which no provider learns.
    Unsayable(BadRequest),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A provider secret, opened.
struct Key {
    credential: Arc<Credential>,
    secret: Arc<Secret>,
}

impl Target {
    fn secret(&self) -> Option<&Secret> {
        self.key.as_ref().map(|key| key.secret.as_ref())
    }
}

impl Pursuit {
    /// Tries until a candidate answers or nothing is left to try.
    pub(crate) async fn run(mut self: Box<Self>) -> (Box<Self>, Result<Answered, Failure>) {
        // A place in the retry budget, held while the candidate that has just failed is tried again.
        let mut _repeat = None;
        loop {
            let Some(model) = self.chain.current().cloned() else {
                return (self, Err(Failure::Internal));
            };
            let began = Instant::now();
            if began >= self.settle.context().deadline {
                return (self, Err(Failure::Deadline));
            }
            let (answered, another_key) = self.attempt(&model).await;
            match answered {
                Ok(answered) => return (self, Ok(answered)),
                Err(Stop::Unsayable(bad)) => return (self, Err(Failure::Malformed(bad))),
                Err(Stop::Fault(fault)) => {
                    self.note_failure(&model, &fault, began);
                    let place = another_key.then(|| self.place_for_a_repeat()).flatten();
                    if let Err(failure) = self.chain.failed(fault, place.is_some()) {
                        return (self, Err(failure));
                    }
                    _repeat = place.filter(|_| self.chain.current() == Some(&model));
                }
            }
        }
    }

    fn place_for_a_repeat(&self) -> Option<Repeat> {
        let app = &self.worker.app;
        let place = app.retries.begin(app.shed.in_flight());
        if place.is_none() {
            metrics::counter!("signalbox_repeats_refused_total").increment(1);
        }
        place
    }

    /// Calls one candidate once. Also says whether it has another key to try.
    async fn attempt(&mut self, model: &ModelId) -> (Result<Answered, Stop>, bool) {
        let target = match self.target(model).await {
            Ok(target) => target,
            Err(stop) => return (Err(stop), false),
        };
        self.settle.sent_to(model, self.request.features().input_tokens);
        self.settle.sent_with(target.key.as_ref().map(|key| &key.credential.id));
        let began = Instant::now();
        self.settle.wait_begins();
        let worker = self.worker.clone();
        let observation = Observation::begin(&worker.app, &target, began);
        let answered = self.call(&target).await;
        let is_same = target.dialect == self.request.dialect();
        let answered = answered.map_err(|fault| if is_same { fault } else { fault.in_another_dialect() });
        let answered = answered.map_err(|fault| match &target.key {
            Some(key) => {
                if fault.kind == FaultKind::Unauthorised {
                    worker.app.vault.refused(&key.credential, &key.secret);
                }
                fault.with_key_of(&key.credential)
            }
            None => fault,
        });
        observation.close(answered.as_ref());
        self.settle.wait_ends();
        if let Ok(answered) = &answered {
            self.note_keeper(&target, answered);
            let millis = Some(report::millis(began.elapsed()));
            self.settle.attempted(Attempt { millis, ..Attempt::new(model.clone(), AttemptOutcome::Ok) });
        }
        (answered.map_err(Stop::Fault), target.more_keys)
    }

    /// Remembers who has kept an answer, if it may have been kept.
    fn note_keeper(&self, target: &Target, answered: &Answered) {
        let name = match answered {
            Answered::Whole(answer) => answer.kept_name(),
            Answered::Streaming(opened) => opened.translator.kept_name(),
        };
        // Callers of other dialects never learn the name.
        let is_told = self.request.dialect() == target.dialect && self.request.lets_keep();
        let Some(name) = name.filter(|_| is_told) else { return };
        let credential = target.key.as_ref().map(|key| key.credential.id.clone());
        let keeper = Keeper { provider: target.provider.slug.clone(), credential };
        let app = &self.worker.app;
        app.kept.remember(&self.settle.context().key.organisation, name, keeper, app.clock.monotonic());
    }

    async fn target(&self, id: &ModelId) -> Result<Target, Stop> {
        let context = self.settle.context();
        let gone = || Fault::new(FaultKind::NotSent, format!("`{id}` is no longer configured"));
        let tenant = context.tenant().ok_or_else(gone)?;
        let model = tenant.models.get(id).ok_or_else(gone)?.clone();
        let provider = tenant.provider_of(id).ok_or_else(gone)?.clone();
        let dialect = upstream_dialect(&provider, self.request.dialect())?;
        // Before anything is asked of the provider, or noted of it.
        let Encoded { body, loss } = self.request.encode_for(dialect, &model.native).map_err(Stop::Unsayable)?;
        let app = &self.worker.app;
        let now = app.clock.monotonic();
        let access = Access { router: self.router.as_deref(), user: context.key.user.as_deref() };
        // Nobody else's account has the answer that the request goes on with.
        let preferred = self.keeper.as_ref().and_then(|keeper| keeper.credential.as_ref());
        let wanted = Wanted { tenant, provider: &provider.slug, model: Some(id), access, preferred };
        let KeyPool { usable, next_in } = app.vault.pool(wanted, &app.upstreams, now);
        if let (true, Some(wait)) = (usable.is_empty(), next_in) {
            let mut fault =
                Fault::new(FaultKind::RateLimited, format!("`{id}` has asked to be left alone for a while"));
            fault.retry_after = Some(wait);
            return Err(fault.into());
        }
        let remaining = context.deadline.saturating_duration_since(Instant::now());
        let key = match usable.first() {
            Some(credential) => Some(self.unseal(&provider, credential, remaining).await?),
            None => None,
        };
        let remaining = context.deadline.saturating_duration_since(Instant::now());
        let waits = Waits::resolve(&provider.timeouts).within(remaining);
        // In the half-open state this takes the probe; a candidate that is tried all the same is a last resort.
        app.upstreams.admit(&context.key.organisation, id, now);
        Ok(Target { model, provider, dialect, body, loss, key, more_keys: usable.len() > 1, waits })
    }

    async fn unseal(
        &self,
        provider: &Provider,
        credential: &Arc<Credential>,
        remaining: Duration,
    ) -> Result<Key, Fault> {
        let Worker { app, client, .. } = &*self.worker;
        let secret = app.vault.to_send(client, provider, credential, remaining).await?;
        Ok(Key { credential: credential.clone(), secret })
    }

    async fn call(&mut self, target: &Target) -> Result<Answered, Fault> {
        let native = &target.model.native;
        self.settle.lost(&target.loss);
        self.loss.clone_from(&target.loss);
        let none = HeaderMap::new();
        let call = Call {
            provider: &target.provider,
            path: &target.dialect.path(native, self.request.stream()),
            model: native,
            headers: if target.dialect == self.request.dialect() { &self.forwarded } else { &none },
            body: target.body.clone(),
            secret: target.secret(),
            stream: self.request.stream(),
            waits: target.waits,
        };
        let began = Instant::now();
        let upstream = self.worker.client.send(call).await?;
        self.settle.answered_as(upstream.request_id());
        if self.request.stream() {
            self.open(upstream, target, began).await.map(|opened| Answered::Streaming(Box::new(opened)))
        } else {
            let remaining = target.waits.total.saturating_sub(began.elapsed());
            let body = upstream.collect(self.worker.app.limits().answer_bytes, remaining).await?;
            Answer::decode(target.dialect, body)
                .map(|answer| Answered::Whole(Box::new(answer)))
                .map_err(|answer| fault_of_answer(answer, target.secret()))
        }
    }

    /// Reads a stream up to its first content event.
    async fn open(&self, mut upstream: Upstream, target: &Target, began: Instant) -> Result<Opened, Fault> {
        let until = began + target.waits.first_token.min(target.waits.total);
        let mut translator = Translator::new(
            target.dialect,
            self.request.dialect(),
            self.stream_options(&target.model.id, target.dialect),
        );
        let mut ready = BytesMut::new();
        let mut first = true;
        let in_stream = |fault| fault_of_stream(fault, target.secret());
        let opened = |upstream, translator, ready, terminal| {
            let secret = target.key.as_ref().map(|key| key.secret.clone());
            let until = began + target.waits.total;
            let watched = Watched::new(self.worker.app.clone(), target, began);
            Opened { upstream, translator, ready, until, waits: target.waits, secret, terminal, watched }
        };
        loop {
            let chunk = timeout_at(until, upstream.next_chunk())
                .await
                .map_err(|_| no_first_token(target.waits.first_token))??;
            let Some(chunk) = chunk else {
                translator.end().map_err(in_stream)?;
                return Ok(opened(upstream, translator, ready, true));
            };
            if std::mem::take(&mut first) && is_one_document(&upstream, &chunk) {
                return Err(self.not_a_stream(upstream, chunk, target).await);
            }
            let progress = translator.push(&chunk, &mut ready).map_err(in_stream)?;
            if progress.terminal {
                translator.end().map_err(in_stream)?;
            }
            if progress.content || progress.terminal {
                return Ok(opened(upstream, translator, ready, progress.terminal));
            }
        }
    }

    fn stream_options(&self, model: &ModelId, upstream: Dialect) -> StreamOptions {
        let requested = self.request.model();
        let opening = self.settle.decision().filter(|_| self.wants_report()).map(|decision| {
            let mut attempts = self.settle.attempts().to_vec();
            attempts.push(Attempt::new(model.clone(), AttemptOutcome::Ok));
            Opening::new(requested, model.as_str(), decision, &attempts, &self.loss).json()
        });
        let named =
            |json: Bytes| report::names(requested).iter().map(|name| ((*name).to_owned(), json.to_vec())).collect();
        StreamOptions {
            model: model.to_string(),
            include_usage: self.request.include_usage(),
            opening_routing: opening.map(named).unwrap_or_default(),
            max_event_bytes: self.worker.app.limits().event_bytes,
            id: self.request.dialect().answer_id(&self.settle.context().id.to_string()),
            created: self.settle.context().now.unix_micros() / 1_000_000,
            echo: self.request.echo_for(upstream),
        }
    }

    pub(crate) fn wants_report(&self) -> bool {
        self.request.extensions().include_routing_metadata
    }

    /// A stream was asked for and one document came: an error under status 200, or an answer of the wrong kind.
    async fn not_a_stream(&self, upstream: Upstream, first: Bytes, target: &Target) -> Fault {
        let cap = self.worker.app.limits().event_bytes;
        let rest = upstream.collect(cap, target.waits.total).await.unwrap_or_default();
        let document = Bytes::from([first, rest].concat());
        match Answer::decode(target.dialect, document) {
            Err(answer) => fault_of_answer(answer, target.secret()),
            Ok(_) => Fault::new(FaultKind::BadAnswer, "a whole answer came where a stream was asked for").charged(),
        }
    }

    fn note_failure(&mut self, model: &ModelId, fault: &Fault, began: Instant) {
        let request_id = self.settle.context().id;
        // A provider's words may quote the prompt: they go to the caller alone, never into a log.
        tracing::warn!(%request_id, %model, kind = %fault.kind, status = fault.status, "an upstream attempt failed");
        if fault.possibly_charged {
            tracing::info!(%request_id, %model, "the failed attempt may have been charged");
        }
        metrics::counter!("signalbox_upstream_faults_total", "kind" => fault.kind.as_str()).increment(1);
        let millis = Some(report::millis(began.elapsed()));
        let attempt = Attempt { status: fault.status, millis, ..Attempt::new(model.clone(), fault.outcome()) };
        self.settle.attempted(attempt);
    }
}

/// What a call to a provider is made in. Requests in Responses go as they are to those who speak that too.
fn upstream_dialect(provider: &Provider, caller: Dialect) -> Result<Dialect, Fault> {
    let own = Dialect::of(provider.dialect).ok_or_else(|| {
        let slug = &provider.slug;
        let message = format!("provider `{slug}` speaks a dialect of its own: call it at /{slug}/…");
        Fault::new(FaultKind::NotSent, message)
    })?;
    let as_it_is = caller == Dialect::OpenaiResponses && provider.takes_responses();
    Ok(if as_it_is { caller } else { own })
}

fn is_one_document(upstream: &Upstream, first: &[u8]) -> bool {
    match upstream.content_kind() {
        ContentKind::EventStream => false,
        ContentKind::Json | ContentKind::Unknown => sniff(first) == ContentKind::Json,
    }
}

fn no_first_token(wait: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, format!("no content within {} ms", wait.as_millis())).charged()
}

/// An answer that is none, as a fault.
fn fault_of_answer(answer: BadAnswer, secret: Option<&Secret>) -> Fault {
    match answer {
        BadAnswer::Upstream(said) => Fault::from_report(said, secret),
        other => Fault::new(FaultKind::BadAnswer, other.to_string()).charged(),
    }
}

/// A stream that is none, or is none any more, as a fault.
pub(crate) fn fault_of_stream(fault: StreamFault, secret: Option<&Secret>) -> Fault {
    match fault {
        StreamFault::Upstream(said) => Fault::from_report(said, secret),
        StreamFault::Truncated => Fault::new(FaultKind::Disconnected, fault.to_string()).charged(),
        other => Fault::new(FaultKind::BadAnswer, other.to_string()).charged(),
    }
}
