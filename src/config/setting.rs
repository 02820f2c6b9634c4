//! What is known of a setting before anybody wrote it.

/// A line of a section's declaration.
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    /// One sentence or more, a line each.
    pub doc: &'static [&'static str],
    /// As it would stand in `gatepass.toml`; empty if there is none.
    pub default: &'static str,
    /// For a setting without default: how a value would look.
    pub like: &'static str,
    pub(super) right: &'static str,
    pub(super) secret: bool,
    pub(super) discloses: fn(&str) -> bool,
}

impl Setting {
    /// `server.listen`
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `GATEPASS_SERVER__LISTEN`
    pub fn variable(&self) -> String {
        format!("GATEPASS_{}__{}", self.section, self.name).to_ascii_uppercase()
    }

    pub(super) fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable())
    }
}
