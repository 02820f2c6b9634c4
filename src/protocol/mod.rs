//! The words of the protocol; nothing here acts.

pub mod algorithm;
