//! A browser without a screen: cookies, forms, and no redirect followed by itself.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};

use super::World;

#[derive(Clone)]
pub struct Browser {
    client: Client,
    issuer: String,
    /// The node that answers for the issuer.
    address: String,
    pub cookies: BTreeMap<String, String>,
    pub headers: Vec<(&'static str, String)>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.headers
            .get(LOCATION)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_else(|| panic!("no redirect but {} {}", self.status, self.body))
    }

    /// The parameters of the redirect, from its query or its fragment.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let (_, encoded) = self.location().split_once(['?', '#']).unwrap_or_default();
        url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.body))
    }

    /// The registered code of a direct error (RFC 6749 §5.2).
    pub fn error(&self) -> String {
        self.json()["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {} {}", self.status, self.body))
            .to_owned()
    }

    /// What `#error-code` of an error page says.
    pub fn error_code(&self) -> &str {
        let code =
            self.body.split_once("id=\"error-code\">").map(|(_, rest)| rest.split('<').next().unwrap());
        code.unwrap_or_else(|| panic!("no error page: {} {}", self.status, self.body))
    }

    /// The hidden fields of the form that posts to a path which ends in `action`.
    pub fn hidden_fields(&self, action: &str) -> Vec<(String, String)> {
        let form = self
            .body
            .split("<form")
            .skip(1)
            .map(|form| form.split("</form>").next().unwrap())
            .find(|form| {
                attribute(form, "action")
                    .is_some_and(|target| target.split('?').next().unwrap().ends_with(action))
            })
            .unwrap_or_else(|| panic!("no form for {action} in {}", self.body));
        form.split("<input")
            .skip(1)
            .map(|input| input.split('>').next().unwrap())
            .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
            .map(|input| (attribute(input, "name").unwrap(), attribute(input, "value").unwrap_or_default()))
            .collect()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    let text = after.split('"').next()?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    Some(text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&").replace("&amp;", "&"))
}

impl Browser {
    pub fn new(issuer: &str) -> Self {
        Browser {
            client: Client::builder().redirect(Policy::none()).no_proxy().build().unwrap(),
            issuer: issuer.to_owned(),
            address: issuer.to_owned(),
            cookies: BTreeMap::new(),
            headers: vec![("accept", "text/html".to_owned())],
        }
    }

    /// The same browser, whose load balancer leads it to `node`.
    pub fn at(&self, node: &World) -> Self {
        Browser { address: node.address.clone(), ..self.clone() }
    }

    fn absolute(&self, target: &str) -> String {
        if target.starts_with("http") {
            return target.to_owned();
        }
        let issuer: url::Url = self.issuer.parse().unwrap();
        let below = issuer.path().trim_end_matches('/');
        if target.starts_with(&format!("{below}/")) && !below.is_empty() {
            return issuer.join(target).unwrap().into();
        }
        format!("{}{target}", self.issuer)
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.send(Method::GET, target, None).await
    }

    pub async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, target, Some(body)).await
    }

    pub async fn send(&mut self, method: Method, target: &str, body: Option<String>) -> Answer {
        let target = self.absolute(target).replacen(&self.issuer, &self.address, 1);
        let issuer: url::Url = self.issuer.parse().unwrap();
        let mut request = self.client.request(method, target).header(HOST, issuer.authority());
        if !self.cookies.is_empty() {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// Posts the form of `page` that goes to `action`, its hidden fields included.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let hidden = page.hidden_fields(action);
        let mut all: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(fields);
        self.post(action, &all).await
    }

    /// Fills in the sign-in page at `target`.
    pub async fn sign_in(&mut self, target: &str, username: &str, password: &str) -> Answer {
        let page = self.get(target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [("username", username), ("password", password), ("action", "sign-in")];
        self.submit(&page, "/login", &fields).await
    }

    /// Agrees on the consent page at `target`.
    pub async fn allow(&mut self, target: &str) -> Answer {
        self.decide(target, "allow").await
    }

    pub async fn decide(&mut self, target: &str, action: &str) -> Answer {
        let page = self.get(target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let path = target.split('?').next().unwrap().to_owned();
        self.submit(&page, &path, &[("action", action)]).await
    }

    /// Follows our own pages from `target`, signing in and agreeing where asked, until the answer leaves for the
    /// client (or is no redirect any more).
    pub async fn walk(&mut self, target: &str, username: &str, password: &str) -> Answer {
        let mut next = target.to_owned();
        for _ in 0..8 {
            let answer = if next.contains("/login?") {
                self.sign_in(&next, username, password).await
            } else if next.contains("/consent/") {
                self.allow(&next).await
            } else {
                self.get(&next).await
            };
            let leads_on = answer.status == 303
                && (answer.location().starts_with('/') || answer.location().starts_with(&self.issuer));
            if !leads_on {
                return answer;
            }
            next = answer.location().to_owned();
        }
        panic!("the pages of {target} lead in a circle");
    }
}
