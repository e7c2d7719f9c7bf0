//! One upstream, one server that knows it under many names, and a way to send it a marked request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use anyhow::Result;
use domain::Money;

use crate::faults::caller::{self, Call, Seen};
use crate::faults::product::Product;
use crate::faults::speech::{Speech, Spent};
use crate::faults::upstream::{Marker, Upstream};

/// Of the operator's own making, long enough to be taken.
pub const KEY: &str = "fault-server-key-0123456789abcdef0123456789";
/// Another, to be revoked.
pub const SPARE_KEY: &str = "fault-spare-key-0123456789abcdef01234567890";
/// No piece of an answer takes longer, whatever the upstream does.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// An upstream that breaks is waited for so long.
const UPSTREAM_WAIT: &str = "1500ms";

/// How large the world is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The server; `None` = beside this program.
    pub program: Option<PathBuf>,
    /// Models of each dialect that break: a fresh one a trial keeps breakers out of the picture.
    pub models: usize,
    /// Providers of each dialect that can lose their key.
    pub lockable: usize,
    /// Providers that break are waited for only briefly.
    pub impatient: bool,
}

impl Setup {
    /// The smallest.
    pub fn small(program: Option<&Path>) -> Self {
        Self { program: program.map(Path::to_owned), models: 4, lockable: 1, impatient: true }
    }
}

/// Upstream and server.
#[derive(Debug)]
pub struct World {
    /// The upstream.
    pub upstream: Upstream,
    /// The server.
    pub product: Product,
    config: String,
    trials: AtomicU64,
}

/// A request that is about to be sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// In which dialect.
    pub speech: Speech,
    /// As a stream.
    pub stream: bool,
    /// What its prompt asks of the upstream.
    pub marker: Marker,
    /// Its candidates.
    pub models: Vec<String>,
}

impl Question {
    /// Its bytes.
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        let body = self.speech.ask(&self.marker.prompt(), self.stream, &self.models);
        caller::request(self.speech, self.stream, key, &body)
    }
}

impl World {
    /// Starts both.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start(setup: &Setup) -> Result<Self> {
        let upstream = Upstream::start().await?;
        let config = configuration(&upstream, setup)?;
        let secrets = [("FAULT_KEY", KEY), ("FAULT_SPARE_KEY", SPARE_KEY), ("UPSTREAM_KEY", "upstream-secret")];
        let secrets = secrets.map(|(name, value)| (name, value.to_owned())).to_vec();
        let product = Product::start(setup.program.as_deref(), &config, secrets)?;
        Ok(Self { upstream, product, config, trials: AtomicU64::new(1) })
    }

    /// A number that no other trial has.
    pub fn next_trial(&self) -> u64 {
        self.trials.fetch_add(1, SeqCst)
    }

    /// The configuration that it began with.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Sends a question on a connection of its own and reads the answer.
    pub async fn ask(&self, question: &Question) -> Seen {
        self.ask_with(question, KEY).await
    }

    /// As `ask`, with another key.
    pub async fn ask_with(&self, question: &Question, key: &str) -> Seen {
        match Call::open(self.product.gateway).await {
            Ok(mut call) => {
                call.send(&question.bytes(key)).await;
                call.answer(PATIENCE).await
            }
            Err(_) => refused(),
        }
    }
}

/// What is seen where nobody listens.
pub fn refused() -> Seen {
    Seen { status: 0, head: String::new(), body: String::new(), end: caller::End::Broken, took: Duration::ZERO }
}

/// The good model of a dialect.
pub fn good(speech: Speech) -> String {
    format!("good-{}/one", speech.slug())
}

/// A model that breaks.
pub fn bad(speech: Speech, number: usize) -> String {
    format!("bad-{}/m{number}", speech.slug())
}

/// A model at whose address nobody listens.
pub fn down(speech: Speech, number: usize) -> String {
    format!("down-{}/m{number}", speech.slug())
}

/// A model of a provider that may lose its key.
pub fn lockable(speech: Speech, number: usize) -> String {
    format!("lock{number}-{}/one", speech.slug())
}

/// What tokens cost: one price for those that break, another for the good.
pub fn cost(spent: Spent, bad: bool) -> Money {
    let (prompt, completion) = if bad { (1_000_000, 2_000_000) } else { (3_000_000, 4_000_000) };
    Money::from_pico(i128::from(spent.prompt) * prompt + i128::from(spent.completion) * completion)
}

fn configuration(upstream: &Upstream, setup: &Setup) -> Result<String> {
    let (mut text, mut names) = (String::new(), Vec::new());
    let address = upstream.address;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    for speech in Speech::ALL {
        let slug = speech.slug();
        provider(&mut text, &format!("bad-{slug}"), speech, &format!("http://{address}/bad"), setup.impatient)?;
        provider(&mut text, &format!("down-{slug}"), speech, &format!("http://{nobody}/bad"), setup.impatient)?;
        provider(&mut text, &format!("good-{slug}"), speech, &format!("http://{address}/good"), false)?;
        for number in 0..setup.lockable {
            let locked = format!("lock{number}-{slug}");
            provider(&mut text, &locked, speech, &format!("http://{address}/bad"), setup.impatient)?;
        }
    }
    for speech in Speech::ALL {
        let broken = (0..setup.models).flat_map(|number| [bad(speech, number), down(speech, number)]);
        let broken = broken.chain((0..setup.lockable).map(|number| lockable(speech, number)));
        for name in broken {
            model(&mut text, &name, "0.000001", "0.000002")?;
            names.push(name);
        }
    }
    for speech in Speech::ALL {
        model(&mut text, &good(speech), "0.000003", "0.000004")?;
        names.push(good(speech));
    }
    write!(
        text,
        "[[policies]]\nname = \"all\"\ndefault = true\nmodels = {names:?}\nstrategy = {{ type = \"priority\" }}\n\n\
         [[keys]]\nname = \"faults\"\nsecret_env = \"FAULT_KEY\"\n\n\
         [[keys]]\nname = \"spare\"\nsecret_env = \"FAULT_SPARE_KEY\"\n"
    )?;
    Ok(text)
}

fn provider(text: &mut String, slug: &str, speech: Speech, base: &str, impatient: bool) -> Result<()> {
    let version = if speech == Speech::Gemini { "v1beta" } else { "v1" };
    writeln!(
        text,
        "[[providers]]\nslug = \"{slug}\"\ndialect = \"{}\"\nbase_url = \"{base}/{version}\"\n\
         allow_private_network = true\ncredentials = [{{ name = \"main\", secret_env = \"UPSTREAM_KEY\" }}]",
        speech.name()
    )?;
    if impatient {
        writeln!(
            text,
            "timeouts = {{ response_header = \"{UPSTREAM_WAIT}\", first_token = \"{UPSTREAM_WAIT}\", inter_chunk = \"{UPSTREAM_WAIT}\" }}"
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn model(text: &mut String, id: &str, prompt: &str, completion: &str) -> Result<()> {
    writeln!(
        text,
        "[[models]]\nid = \"{id}\"\ncontext_length = 100000\ncapability = 0.5\n\
         pricing = {{ prompt = \"{prompt}\", completion = \"{completion}\" }}\n"
    )?;
    Ok(())
}
