//! What somebody sets out to do, from the first page to the last token.

mod account;
mod claims;
mod client_documents;
mod cluster;
mod custom_claims;
mod feed;
mod guard;
pub mod keys;
mod lineage;
mod logout;
mod logout_of_implicit_apps;
mod memory;
mod nodes;
mod pairwise;
mod races;
mod receipts;
mod refresh;
mod registration;
mod resource_indicators;
mod session_management;
mod sign_in;
mod sign_in_to_an_app;
mod statements;
mod status_list;
mod through_the_browser;
