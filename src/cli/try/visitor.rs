//! A person without a screen: keeps cookies and fills in the forms of the server's pages.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, StatusCode};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::outbound::{Outbound, Reach};

/// More redirects and pages than a sign-in has.
const STEPS: usize = 12;

pub(super) struct Visitor {
    http: Outbound,
    issuer: Url,
    cookies: BTreeMap<String, String>,
}

/// What a browser shows, or where it is sent.
pub(super) struct Shown {
    at: Url,
    status: StatusCode,
    location: Option<Url>,
    body: String,
}

impl Visitor {
    pub(super) fn new(issuer: &Url) -> anyhow::Result<Self> {
        Ok(Visitor {
            http: Outbound::new(Reach::Anywhere)?,
            issuer: issuer.clone(),
            cookies: BTreeMap::new(),
        })
    }

    /// From an authorization request to the redirect that brings the code. `None`: the server has had enough sign-ins
    /// from here for a moment.
    pub(super) async fn sign_in(
        &mut self,
        request: Url,
        username: &str,
        password: &str,
        redirect_uri: &str,
    ) -> anyhow::Result<Option<Url>> {
        let mut shown = self.get(request).await?;
        for _ in 0..STEPS {
            shown = match &shown.location {
                Some(place) if place.as_str().starts_with(redirect_uri) => return Ok(Some(place.clone())),
                Some(place) => self.get(place.clone()).await?,
                None if shown.status == StatusCode::TOO_MANY_REQUESTS => return Ok(None),
                None if shown.body.contains("id=\"username\"") => {
                    let typed = [("username", username), ("password", password), ("action", "sign-in")];
                    self.submit(&shown, "/login", &typed).await?
                }
                None if shown.body.contains("id=\"consent-allow\"") => {
                    self.submit(&shown, "/consent/", &[("action", "allow")]).await?
                }
                None => bail!("{} answers {} and leads nowhere", shown.at.path(), shown.status),
            };
        }
        bail!("the sign-in does not come to an end")
    }

    pub(super) async fn account(&mut self) -> anyhow::Result<Shown> {
        let url = self.below_the_issuer("/account")?;
        let shown = self.get(url).await?;
        ensure!(shown.status == StatusCode::OK, "the account page answers {}", shown.status);
        Ok(shown)
    }

    /// What a click on "end this device" sends. The page was read before, as a person has it open.
    pub(super) async fn end_device(&mut self, account: &Shown, sid: &str) -> anyhow::Result<()> {
        let answer = self.submit(account, &format!("/account/devices/{sid}/end"), &[]).await?;
        ensure!(answer.status == StatusCode::SEE_OTHER, "the device was not ended: {}", answer.status);
        Ok(())
    }

    fn below_the_issuer(&self, path: &str) -> anyhow::Result<Url> {
        Ok(Url::parse(&format!("{}{path}", self.issuer.as_str().trim_end_matches('/')))?)
    }

    async fn get(&mut self, url: Url) -> anyhow::Result<Shown> {
        let request = Request::get(url.as_str()).body(Vec::new())?;
        self.send(url, request).await
    }

    /// Sends the form that leads to `action`, with its hidden fields.
    async fn submit(&mut self, page: &Shown, action: &str, typed: &[(&str, &str)]) -> anyhow::Result<Shown> {
        let (target, hidden) = form(&page.body, action).with_context(|| format!("no form for {action}"))?;
        let url = page.at.join(&target)?;
        let body = Serializer::new(String::new()).extend_pairs(hidden).extend_pairs(typed).finish();
        let request = Request::post(url.as_str()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(url, request.body(body.into_bytes())?).await
    }

    async fn send(&mut self, at: Url, mut request: Request<Vec<u8>>) -> anyhow::Result<Shown> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.headers_mut().insert(COOKIE, cookies.join("; ").parse()?);
        request.headers_mut().insert(ACCEPT, "text/html".parse()?);
        let answer = self.http.send(request).await?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
        let location =
            answer.headers().get(LOCATION).map(|value| at.join(value.to_str()?).context("location"));
        let (location, status) = (location.transpose()?, answer.status());
        Ok(Shown { at, status, location, body: String::from_utf8_lossy(answer.body()).into_owned() })
    }
}

/// The target of the form whose action holds `action`, and its hidden fields.
fn form(page: &str, action: &str) -> Option<(String, Vec<(String, String)>)> {
    let forms = page.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next());
    let (target, form) = forms
        .filter_map(|form| Some((attribute(form, "action")?, form)))
        .find(|(target, _)| target.contains(action))?;
    let inputs =
        form.split("<input").skip(1).filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
    let fields =
        inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
    Some((target, fields.collect()))
}

/// As our own templates write it.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let text = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(
        text.replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#38;", "&"),
    )
}
