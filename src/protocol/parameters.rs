//! The parameters of one request (RFC 6749 §3.1 and §3.2).

/// Decoded name/value pairs. "Parameters sent without a value MUST be treated as if they were omitted from the
/// request", and "request and response parameters MUST NOT be included more than once": what stands twice is
/// remembered, and which answer that deserves is the endpoint's to say.
#[derive(Clone, Default)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// RFC 8707 §2: "Multiple "resource" parameters MAY be used". No other parameter of ours may stand twice.
const REPEATABLE: &str = "resource";

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Parameters { pairs: pairs.into_iter().collect() }
    }
}

impl std::fmt::Debug for Parameters {
    /// Names only: values hold codes, tokens and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Parameters {
    /// The value, unless it is empty or stands more than once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    pub fn stands_twice(&self, name: &str) -> bool {
        self.pairs.iter().filter(|(own, _)| own == name).nth(1).is_some()
    }

    /// Every value of a parameter that may stand more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.pairs.iter().filter(move |(own, value)| own == name && !value.is_empty());
        values.map(|(_, value)| value.as_str())
    }

    /// The first name that stands more than once and must not.
    pub fn repeated(&self) -> Option<&str> {
        self.pairs
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| name != REPEATABLE)
            .find(|(position, (name, _))| self.pairs[..*position].iter().any(|(earlier, _)| earlier == name))
            .map(|(_, (name, _))| name.as_str())
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All of these, and of `others` those whose names do not stand here.
    pub fn before(self, others: &Parameters) -> Parameters {
        let rest = others.pairs.iter().filter(|(name, _)| self.pairs.iter().all(|(own, _)| own != name));
        let rest: Vec<_> = rest.cloned().collect();
        self.and(rest.into_iter().collect())
    }

    pub fn without(mut self, names: &[&str]) -> Parameters {
        self.pairs.retain(|(own, _)| !names.contains(&own.as_str()));
        self
    }

    /// This part of a request and another one; a name in both stands twice.
    pub fn and(mut self, other: Parameters) -> Parameters {
        self.pairs.extend(other.pairs);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn empty_is_omitted_and_twice_is_neither() {
        let request = parameters(&[("scope", ""), ("state", "a"), ("state", "b"), ("nonce", "n")]);
        assert_eq!(request.get("scope"), None);
        assert_eq!(request.get("state"), None);
        assert_eq!(request.get("nonce"), Some("n"));
        assert_eq!(request.repeated(), Some("state"));
        assert!(!format!("{request:?}").contains("\"n\""));
    }

    #[test]
    fn only_a_resource_may_stand_twice() {
        let request = parameters(&[("resource", "urn:a"), ("resource", ""), ("resource", "urn:b")]);
        assert_eq!(request.repeated(), None);
        assert_eq!(request.all("resource").collect::<Vec<_>>(), ["urn:a", "urn:b"]);
    }
}
