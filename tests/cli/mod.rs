//! The command line, through the program itself.

mod alone;
mod beside_the_server;
mod cache;
mod clients;
mod development;
mod operator;

pub use operator::Operator;
