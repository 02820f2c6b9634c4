//! Who is at the door.

pub mod assurance;
pub mod attempt;
pub mod hashing;
pub mod new_password;
pub mod password;
pub mod profile;
