//! Who is at the door.

pub mod hashing;
pub mod password;
