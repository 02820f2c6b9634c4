//! The words of the protocol. Nothing here acts.

pub mod algorithm;
pub mod authorization_request;
pub mod claims_request;
pub mod client_id_url;
pub mod client_metadata;
pub mod error;
pub mod grant_type;
pub mod parameters;
pub mod pkce;
pub mod redirect_uri;
pub mod resource;
pub mod response_type;
pub mod scope;
pub mod strict_json;
