//! The demo provider: an upstream of our own that speaks the `OpenAI` wire format over loopback and needs no account.
//!
//! It is no language model and says so in every answer. Three models differ in price, pace and skill, so that routing,
//! streaming, tools, structured output, usage and cost can be seen at work. `server` speaks HTTP, `wire` reads and
//! writes the format, `answer` decides what to say, and the rest are its skills.

mod answer;
mod arithmetic;
mod model;
mod schema;
mod server;
mod skill;
mod tools;
mod wire;

pub use model::{models, provider};
pub use server::DemoServer;
