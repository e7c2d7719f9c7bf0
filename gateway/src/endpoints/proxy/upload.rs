//! Bodies that are too large to be held, such as files: passed on to the provider while they come.
//!
//! Nothing of them is held, so only those pass of which nothing has to be known beforehand: their length is announced,
//! they are no JSON, and the key is not limited to models that the body could name. They are sent once. A form is watched
//! while it flows: a model that it names behind its file is what the request is charged to, and one that nobody may ask
//! breaks it off before the provider has all of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use domain::ModelId;
use futures_util::FutureExt;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use providers::Flowing;
use tokio::time::{Sleep, sleep};

use crate::config::Limits;
use crate::endpoints::proxy::admission::Admission;
use crate::endpoints::proxy::form::FormScanner;
use crate::endpoints::proxy::said::{TWO_MODELS, named_once, unclear};
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;

/// A body that is passed on while it comes.
pub(super) struct Upload {
    first: Option<Bytes>,
    rest: Incoming,
    /// Bytes that have not been passed on.
    left: u64,
    /// The next piece must come within this.
    wait: Duration,
    late: Option<Pin<Box<Sleep>>>,
    /// What reads it, if it is a form.
    form: Option<FormScanner>,
    watch: Option<Watch>,
    fate: Arc<Fate>,
}

/// What a model must stand up to that a form names while it flows.
struct Watch {
    admission: Admission,
    /// The model that has been named already.
    said: Option<String>,
}

/// A model that a form has named while it flowed.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// As it was written.
    pub(super) model: String,
    /// In our catalogue, or as it would be there.
    pub(super) id: Option<ModelId>,
}

/// What became of a body, for those who cannot see it any more.
#[derive(Debug, Default)]
pub(super) struct Fate {
    failure: Mutex<Option<Failure>>,
    named: OnceLock<Named>,
}

impl Fate {
    /// Why the body did not go whole, if the caller is to blame.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The model that it named behind its beginning.
    pub(super) fn named(&self) -> Option<Named> {
        self.named.get().cloned()
    }

    fn fail(&self, failure: Failure) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// Whether a body is too large to be held, and may be passed on for all that its head says.
pub(super) fn is_wanted(headers: &HeaderMap, body: &Incoming, limits: &Limits) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_large = |length: u64| length > limits.body_bytes as u64 && length <= limits.upload_bytes;
    body.size_hint().exact().is_some_and(is_large) && !media_type.to_ascii_lowercase().contains("json")
}

/// What is told of bodies that are too large to be held and cannot be passed on either.
pub(super) fn not_taken(limits: &Limits) -> Failure {
    Failure::UploadNotTaken { held: limits.body_bytes, most: limits.upload_bytes }
}

impl Upload {
    /// Waits for the first piece, which is looked at.
    ///
    /// # Errors
    /// When the body is JSON after all, or does not come.
    pub(super) async fn begin(
        headers: &HeaderMap,
        mut body: Incoming,
        limits: &Limits,
        in_flight: &mut InFlight,
    ) -> Result<Self, Failure> {
        let left = body.size_hint().lower();
        let first = body_limit::next(&mut body, limits.body_wait).await?.unwrap_or_default();
        let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&first).trim_ascii_start();
        if text.is_empty() || text.starts_with(b"{") {
            return Err(not_taken(limits));
        }
        in_flight.hold_bytes(first.len())?;
        let mut form = FormScanner::of(headers);
        if let Some(form) = &mut form {
            form.push(&first);
        }
        let (first, wait, fate) = (Some(first), limits.body_wait, Arc::default());
        Ok(Self { first, rest: body, left, wait, late: None, form, watch: None, fate })
    }

    /// What has been read of it, if it is a form.
    pub(super) fn form(&self) -> Option<&FormScanner> {
        self.form.as_ref()
    }

    /// Has the rest of it watched for a model, which must be the one that was said, if one was. `None` = nobody cares.
    pub(super) fn watch(&mut self, admission: Option<Admission>, said: Option<String>) {
        self.watch = admission.map(|admission| Watch { admission, said });
    }

    /// What has come of it.
    pub(super) fn first(&self) -> Bytes {
        self.first.clone().unwrap_or_default()
    }

    /// The body to send, and what will be known of its end.
    pub(super) fn flowing(self) -> (Flowing, Arc<Fate>) {
        let fate = self.fate.clone();
        (self.boxed_unsync(), fate)
    }

    /// Looks at a piece before it goes on.
    fn look(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let (Some(form), Some(watch)) = (&mut self.form, &self.watch) else { return Ok(()) };
        form.push(piece);
        let Some(model) = named_once(form)? else { return Ok(()) };
        match &watch.said {
            Some(said) if said == model => return Ok(()),
            Some(_) => return Err(unclear(TWO_MODELS)),
            None if self.fate.named.get().is_some() => return Ok(()),
            None => {}
        }
        let id = watch.admission.admit(Some(model))?;
        let _ = self.fate.named.set(Named { model: model.to_owned(), id });
        Ok(())
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let wait = self.wait;
        self.late.get_or_insert_with(|| Box::pin(sleep(wait))).poll_unpin(context).is_ready()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = loop {
            if let Some(first) = self.first.take() {
                break first;
            }
            match Pin::new(&mut self.rest).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Ok(frame))) => {
                    self.late = None;
                    // Trailers end with the hop.
                    let Ok(piece) = frame.into_data() else { continue };
                    if let Err(failure) = self.look(&piece) {
                        self.fate.fail(failure);
                        return Poll::Ready(Some(Err("the caller's body may not be passed on".into())));
                    }
                    break piece;
                }
                Poll::Ready(Some(Err(fault))) => {
                    self.fate.fail(Failure::BrokenBody);
                    return Poll::Ready(Some(Err(fault.into())));
                }
                Poll::Pending if self.is_late(context) => {
                    self.fate.fail(Failure::SlowBody);
                    return Poll::Ready(Some(Err("the caller's body came too slowly".into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        };
        self.left = self.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
