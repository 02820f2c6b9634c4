//! The command line, through the program itself.

mod alone;
mod beside_the_server;
mod development;
mod operator;

pub use operator::Operator;
