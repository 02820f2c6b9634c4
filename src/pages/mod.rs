//! The pages for people: one file a page; their words in `text`, their data in `view`.

pub mod accent;
pub mod assets;
pub mod language;
pub mod name;
pub mod text;
pub mod user_agent;
pub mod view;
