//! Why a JWS is not believed. Nothing of the token stands in the message.

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the token is not a well-formed signed JWT")]
    Malformed,
    #[error("the token asks for a JWS extension that is not supported")]
    Extension,
    #[error("the token is signed with a key that is not known here")]
    Key,
    #[error("the keys that could verify the token cannot be had")]
    NoKeys,
    #[error("the token's algorithm is not that of its key")]
    Algorithm,
    #[error("the token is of another type")]
    Type,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}
