//! What travels between the roles: generated messages and services, conversions to `domain`, and how to connect.
//!
//! `pb` is generated; its types are not used beyond the edge of a role, where `convert` turns them into domain types.
//! `channel` connects clients to servers in memory, over a Unix socket or TCP; `watch` cuts a snapshot into messages
//! and puts it together again; `operator`, `objects` and `scorers` are the client's side of an operator's calls, shared by the command lines, and
//! `scores` what they say of uploads;
//! `mask` lays the fields of one object that a change is about over those of another;
//! `gate` reads what travels with a scorer of its gate's word. What the services do is the business of the engine.

pub mod channel;
pub mod convert;
pub mod gate;
pub mod mask;
pub mod objects;
pub mod operator;
pub mod pb;
pub mod scorers;
mod scores;
pub mod watch;

pub use channel::{Endpoint, connect, connect_lazy};
pub use convert::ConvertError;
pub use convert::routing::{CredentialReport, DecideAnswer, DecideCall, OutcomeReport};

/// The encoded `FileDescriptorSet` of every service, for reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
