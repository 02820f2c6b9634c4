//! The `claims` request parameter (OpenID Connect Core §5.5): single claims, beyond those of scopes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::strict_json;

/// What a request asks for by name, as far as this server gives it a meaning. Unknown members are ignored, as
/// §5.5 demands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// Claims to be answered by UserInfo.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<String>,
    /// Claims to stand in the ID Token.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<String>,
    /// The one person that the ID Token may be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<AcrRequest>,
}

/// §5.5.1.1: the levels that are wanted, and whether one of them must be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrRequest {
    pub values: Vec<String>,
    pub need: Need,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    Essential,
    Voluntary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("claims is not a JSON object of OpenID Connect Core section 5.5")]
pub struct MalformedClaims;

const LONGEST: usize = 8 * 1024;
/// The parameter, its member, a claim, its demand, and values of that.
const DEEPEST: usize = 8;

type Demands = BTreeMap<String, Option<Demand>>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    userinfo: Option<Demands>,
    id_token: Option<Demands>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Demand {
    essential: bool,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}

impl Demand {
    fn texts(&self) -> Vec<String> {
        let all = self.value.iter().chain(self.values.iter().flatten());
        all.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}

impl ClaimsRequest {
    /// Reads the parameter. `known` are the claims that a user can have.
    pub fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, MalformedClaims> {
        if text.len() > LONGEST || depth(text) > DEEPEST {
            return Err(MalformedClaims);
        }
        let wire: Wire = strict_json::object(text.as_bytes()).ok_or(MalformedClaims)?;
        let id_token = wire.id_token.unwrap_or_default();
        let names = |demands: &Demands| demands.keys().filter(|name| known(name)).cloned().collect();
        let demand_of = |name: &str| id_token.get(name).and_then(Option::as_ref);
        let acr = id_token.contains_key("acr").then(|| {
            let demand = demand_of("acr");
            AcrRequest {
                values: demand.map(Demand::texts).unwrap_or_default(),
                need: match demand.is_some_and(|demand| demand.essential) {
                    true => Need::Essential,
                    false => Need::Voluntary,
                },
            }
        });
        Ok(ClaimsRequest {
            userinfo: wire.userinfo.as_ref().map(names).unwrap_or_default(),
            id_token: names(&id_token),
            subject: demand_of("sub").and_then(|demand| demand.texts().into_iter().next()),
            acr,
        })
    }

    /// Everything about the person that is asked for, wherever it goes.
    pub fn all(&self) -> BTreeSet<String> {
        self.userinfo.union(&self.id_token).cloned().collect()
    }

    pub fn is_empty(&self) -> bool {
        *self == ClaimsRequest::default()
    }
}

/// How deep brackets are nested. Brackets within text count too, which only refuses more.
fn depth(text: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClaimsRequest, MalformedClaims> {
        ClaimsRequest::parse(text, |name| ["name", "email", "birthdate"].contains(&name))
    }

    #[test]
    fn the_example_of_core_is_understood() {
        let request = parse(
            r#"{"userinfo": {"given_name": {"essential": true}, "email": {"essential": true}, "picture": null},
                "id_token": {"auth_time": {"essential": true}, "name": null, "sub": {"value": "248289761001"},
                             "acr": {"values": ["urn:mace:incommon:iap:silver"]}}}"#,
        )
        .unwrap();
        assert_eq!(request.userinfo, BTreeSet::from(["email".to_owned()]));
        assert_eq!(request.id_token, BTreeSet::from(["name".to_owned()]));
        assert_eq!(request.subject.as_deref(), Some("248289761001"));
        let acr = request.acr.unwrap();
        assert_eq!((acr.values.len(), acr.need), (1, Need::Voluntary));
        assert!(parse("{}").unwrap().is_empty());
        assert!(parse(r#"{"userinfo": null, "else": 1}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_such_an_object_is_refused() {
        let deep =
            format!("{{\"userinfo\":{{\"name\":{{\"values\":{}1{}}}}}}}", "[".repeat(500), "]".repeat(500));
        let long = format!("{{\"userinfo\":{{\"{}\":null}}}}", "a".repeat(9000));
        for text in [
            "",
            "null",
            "[]",
            "{",
            r#"{"userinfo": 1}"#,
            r#"{"userinfo": {"name": 1}}"#,
            r#"{"userinfo": {}, "userinfo": {}}"#,
            r#"{"userinfo": {"name": {"essential": "yes"}}}"#,
            "{} {}",
            &deep,
            &long,
        ] {
            assert_eq!(parse(text), Err(MalformedClaims), "{:.60}", text);
        }
    }
}
