//! What every driver of an OAuth server needs: connections, a person with a browser, what a server is, what it uses.

pub mod app;
pub mod connection;
pub mod description;
pub mod form;
pub mod usage;
pub mod visitor;
