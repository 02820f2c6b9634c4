//! Every page in every state, with a stranger's string wherever one can stand.

mod account;

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use gatepass::authorization::Response;
use gatepass::clock::Timestamp;
use gatepass::config::brand::{Brand, Colour};
use gatepass::http::departure::Departure;
use gatepass::http::form_post::FormPost;
use gatepass::http::page::{self, Page};
use gatepass::http::problem::Problem;
use gatepass::pages::language::Language;
use gatepass::pages::name::Name;
use gatepass::pages::view::{
    Asked, AskedScope, Client, Consent, ErrorPage, FormPostPage, Frame, Leaving, LoggedOut, LogoutConfirm,
    Look, Occasion, Refusal, SignIn, SigningOut,
};
use gatepass::protocol::error::ShownError;
use gatepass::protocol::response_type::ResponseMode;
use gatepass::store::clients::Standing;
use url::Url;

pub struct Sample {
    pub name: String,
    pub html: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
}

/// What strangers fill in.
#[derive(Clone, Copy)]
pub struct Stranger<'a> {
    pub client: &'a str,
    pub user: &'a str,
    pub username: &'a str,
    pub email: &'a str,
    pub scope: &'a str,
    pub description: &'a str,
    pub text: &'a str,
    pub address: &'a str,
    pub user_agents: [&'a str; 3],
}

impl<'a> Stranger<'a> {
    pub fn saying(text: &'a str) -> Self {
        Stranger {
            client: text,
            user: text,
            username: text,
            email: text,
            scope: text,
            description: text,
            text,
            address: text,
            user_agents: [text; 3],
        }
    }
}

pub const FRIENDLY: Stranger<'static> = Stranger {
    client: "Moonlight Books",
    user: "Alice Kim",
    username: "alice",
    email: "alice@example.com",
    scope: "orders:write",
    description: "Order books in your name, up to 100 € a month",
    text: "x",
    address: "192.0.2.17",
    user_agents: [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ],
};

pub fn look() -> Look {
    let accent = Colour { red: 0x3b, green: 0x5b, blue: 0xdb };
    let brand = Brand { name: "Northwind".to_owned(), accent, logo_uri: None };
    Look::new(&brand, "/base")
}

pub fn samples(look: &Look, language: Language, stranger: Stranger<'_>) -> Vec<Sample> {
    let mut gallery = Gallery { frame: look.frame(language), stranger, samples: Vec::new() };
    gallery.sign_in();
    gallery.consent();
    gallery.logout();
    gallery.errors();
    gallery.leaving();
    gallery.form_post();
    gallery.accounts();
    gallery.samples
}

const NOW: Timestamp = Timestamp::from_secs(1_763_700_000);

const SHOWN: &[ShownError] = &[
    ShownError::MalformedRequest,
    ShownError::UnknownClient,
    ShownError::UnusableClientDocument,
    ShownError::MissingRedirectUri,
    ShownError::UnregisteredRedirectUri,
    ShownError::InvalidRequestObject,
    ShownError::InvalidRequestUri,
    ShownError::UnknownAuthorization,
    ShownError::ExpiredAuthorization,
    ShownError::CompletedAuthorization,
    ShownError::OtherBrowser,
    ShownError::SessionChanged,
    ShownError::ForgedForm,
    ShownError::NotFound,
    ShownError::MethodNotAllowed,
    ShownError::TooLarge,
    ShownError::UnsupportedMediaType,
    ShownError::Unavailable,
    ShownError::Internal,
];

struct Gallery<'a> {
    frame: Frame<'a>,
    stranger: Stranger<'a>,
    samples: Vec<Sample>,
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

impl<'a> Gallery<'a> {
    fn hang(&mut self, name: impl Into<String>, page: &impl Page) {
        let answer = page::answer(page);
        self.samples.push(Sample {
            name: name.into(),
            html: page.render().unwrap(),
            status: answer.status(),
            headers: answer.headers().clone(),
        });
    }

    fn client(&self) -> Client {
        let text = self.stranger.text;
        Client::new(self.stranger.client)
            .policy_uri(Some(&format!("https://shop.example/{text}")))
            .tos_uri(Some(&format!("https://shop.example/?{text}#{text}")))
    }

    fn sign_in(&mut self) {
        let client = self.client();
        let with_logo = self.client().logo_uri(Some(&format!("https://cdn.example/{}", self.stranger.text)));
        let unverified = self.client().standing(Standing::Unverified);
        let uri = url("https://shop.example/callback");
        let page = || SignIn {
            frame: self.frame,
            csrf: self.stranger.text,
            authorization: Some(self.stranger.text),
            client: Some(&client),
            redirect_uri: Some(&uri),
            occasion: Occasion::Fresh,
            username: "",
            remember: false,
            refusal: None,
        };
        let username = self.stranger.username;
        let states = [
            ("sign_in", page()),
            ("sign_in_logo", SignIn { client: Some(&with_logo), ..page() }),
            ("sign_in_unverified", SignIn { client: Some(&unverified), ..page() }),
            ("sign_in_account", SignIn { client: None, authorization: None, redirect_uri: None, ..page() }),
            ("sign_in_again", SignIn { occasion: Occasion::Again, username, ..page() }),
            (
                "sign_in_wrong",
                SignIn { refusal: Some(Refusal::WrongCredentials), username, remember: true, ..page() },
            ),
            (
                "sign_in_throttled",
                SignIn {
                    refusal: Some(Refusal::Throttled { wait: Duration::from_secs(599) }),
                    username,
                    ..page()
                },
            ),
        ];
        for (name, page) in states {
            self.hang(name, &page);
        }
    }

    fn scopes(&self) -> Vec<AskedScope<'a>> {
        let mut scopes: Vec<AskedScope<'a>> =
            ["openid", "profile", "email", "address", "phone", "offline_access"]
                .map(|token| AskedScope { token, description: None })
                .into();
        scopes.push(AskedScope { token: "orders", description: Some(self.stranger.description) });
        scopes.push(AskedScope { token: self.stranger.scope, description: None });
        scopes
    }

    fn consent(&mut self) {
        let (client, unverified) = (self.client(), self.client().standing(Standing::Unverified));
        let unregistered = Client::new(self.stranger.client).claiming(Some(self.stranger.client));
        let unregistered = unregistered.standing(Standing::Unverified);
        for (name, uri, already) in [
            ("consent", "https://shop.example/callback", 0),
            ("consent_more", "https://shop.example/callback", 2),
            ("consent_unverified", "https://shop.example/callback", 0),
            ("consent_native", "com.example.books:/callback", 0),
            ("consent_loopback", "http://127.0.0.1:51004/callback", 0),
            ("consent_unregistered", "http://127.0.0.1:51004/callback", 0),
        ] {
            let mut asked: Vec<Asked<'_>> = self.scopes().into_iter().map(Asked::Scope).collect();
            asked.push(Asked::Api {
                name: Name::new(self.stranger.client),
                identifier: Name::new(self.stranger.text),
            });
            let already = asked.drain(..already).collect();
            let page = Consent {
                frame: self.frame,
                csrf: self.stranger.text,
                authorization: self.stranger.text,
                client: match name {
                    "consent_unverified" => &unverified,
                    "consent_unregistered" => &unregistered,
                    _ => &client,
                },
                redirect_uri: &url(uri),
                user: Name::new(self.stranger.email),
                asked,
                already,
            };
            self.hang(name, &page);
        }
    }

    fn logout(&mut self) {
        let parameters = [("state", self.stranger.text)];
        let page = LogoutConfirm {
            frame: self.frame,
            csrf: self.stranger.text,
            user: Name::new(self.stranger.user),
            client: None,
            parameters: &[],
            return_to: None,
        };
        self.hang("logout", &page);
        let uri = url("https://shop.example/bye");
        let client = Some(Name::new(self.stranger.client));
        self.hang(
            "logout_client",
            &LogoutConfirm { client, parameters: &parameters, return_to: Some(&uri), ..page },
        );
        self.hang("logout_done", &LoggedOut { frame: self.frame });
        let frames = [url("https://shop.example/out?iss=x&sid=y")];
        self.hang(
            "signing_out",
            &SigningOut { frame: self.frame, frames: &frames, target: "https://shop.example/bye" },
        );
    }

    fn errors(&mut self) {
        for error in SHOWN {
            let client = Some(self.stranger.client.to_owned());
            let problem = Problem::of_client(*error, client).retry_after(days(2));
            let problem = problem.because(self.stranger.text.to_owned());
            let page = ErrorPage { frame: self.frame, problem: &problem, request_id: "01JD2Y8Q0M7N" };
            self.hang(format!("error_{error:?}_of_client"), &page);
            let problem = Problem::from(*error);
            self.hang(format!("error_{error:?}"), &ErrorPage { problem: &problem, ..page });
        }
    }

    fn leaving(&mut self) {
        for mode in ResponseMode::ALL {
            let state = ("state", self.stranger.text.to_owned());
            let answer = Response {
                redirect_uri: "https://shop.example/callback?from=here".to_owned(),
                mode,
                parameters: vec![("error", "invalid_scope".to_owned()), state],
            };
            let departure = Departure { client: self.stranger.client.to_owned(), answer };
            self.hang(format!("leaving_{}", mode.as_str()), &Leaving::new(self.frame, &departure));
        }
    }

    fn form_post(&mut self) {
        let response = FormPost {
            redirect_uri: url("https://shop.example/callback?from=here"),
            parameters: vec![("code".into(), "abc".into()), ("state".into(), self.stranger.text.into())],
        };
        self.hang("form_post", &FormPostPage::new(self.frame, &response));
    }
}
