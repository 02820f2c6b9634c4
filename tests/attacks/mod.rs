//! What attackers try, one file a heading of RFC 9700 §4, a kind of bad input, or a part of our own pages.

mod client_documents;
mod client_impersonation;
mod codes;
mod confused_tokens;
mod consent;
mod csrf;
mod disabled;
mod feed;
mod forged_tokens;
mod garbage;
mod headers;
mod leaks;
mod logout;
mod open_redirection;
mod outage;
mod pages;
mod redirect_uris;
mod session;
