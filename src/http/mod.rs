//! Plumbing between connections and handlers. It knows HTTP and no OAuth rule.

pub mod answer;
pub mod authorization;
pub mod body;
pub mod cors;
pub mod departure;
pub mod descriptors;
pub mod endless;
pub mod form;
pub mod form_post;
pub mod forwarded;
pub mod front;
pub mod health;
pub mod json;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod page;
mod patience;
pub mod problem;
pub mod request;
pub mod server;
pub mod session;
pub mod shutdown;
mod talk;
pub mod tls;
