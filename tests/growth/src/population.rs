//! The people of the service, their devices and apps, and what each visit comes to. It knows by itself what lives, by
//! the rules of the server, so that the store can be caught contradicting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::id::Id;
use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata};
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::resource::Resources;
use gatepass::secret::{Fingerprint, base64url, random};
use gatepass::store::authorizations::Pending;
use gatepass::store::consents::Consent;
use gatepass::store::grants::Grant;
use gatepass::store::sessions::{Persistence, Session};
use gatepass::store::users::User;

use crate::act::{ACCESS_TOKEN, Act, Deed, REFRESH_ABSOLUTE, REFRESH_IDLE, SESSION_ABSOLUTE, SESSION_IDLE};
use crate::assumptions::Assumptions;
use crate::chance::Chance;

const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/141.0.0.0 Safari/537.36";
/// A request waits so long for its person.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A session that was seen within it is not written again.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// From one step of a visit to the next.
const STEP: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Page,
    Device,
    Server,
}

pub struct App {
    pub client_id: String,
    place: Place,
    listens: bool,
    asserts: bool,
}

struct Person {
    id: Id<User>,
    name: String,
    apps: Vec<usize>,
    agreed: BTreeSet<usize>,
    devices: Vec<Device>,
}

struct Device {
    browser: Fingerprint,
    address: String,
    session: Option<Held>,
    /// The refresh token of each app that keeps one.
    tokens: BTreeMap<usize, Token>,
}

struct Held {
    id: Id<Session>,
    persistence: Persistence,
    last_seen: Timestamp,
    expires_at: Timestamp,
}

impl Held {
    fn lives(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.minus(SESSION_IDLE.of(self.persistence)) < self.last_seen
    }
}

struct Token {
    grant: Id<Grant>,
    session: Id<Session>,
    generation: i64,
    rotated_at: Timestamp,
    expires_at: Timestamp,
}

impl Token {
    fn lives(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.minus(REFRESH_IDLE) < self.rotated_at
    }
}

pub struct Population {
    pub apps: Vec<App>,
    assumed: Assumptions,
    chance: Chance,
    people: Vec<Person>,
}

/// One visit: whose, and what it writes; refreshes that are counted and not played stand beside it.
pub struct Visit {
    pub acts: Vec<Act>,
    pub further_refreshes: u64,
    at: Timestamp,
}

impl Visit {
    fn act(&mut self, user: Id<User>, deed: Deed) {
        self.acts.push(Act { at: self.at, user, deed });
        self.at = self.at.plus(STEP);
    }
}

impl App {
    pub fn metadata(&self) -> ClientMetadata {
        let grant_types = match self.place {
            Place::Server => vec![GrantType::AuthorizationCode],
            Place::Page | Place::Device => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        };
        ClientMetadata {
            client_name: Some(format!("The app {}", self.client_id)),
            redirect_uris: vec![format!("https://{}.example/callback", self.client_id)],
            grant_types: grant_types.into_iter().collect(),
            scope: self.scope().parse().unwrap_or_default(),
            token_endpoint_auth_method: match self.place {
                Place::Server => AuthMethod::ClientSecretBasic,
                Place::Page | Place::Device => AuthMethod::None,
            },
            backchannel_logout_uri: self
                .listens
                .then(|| format!("https://{}.example/signed-out", self.client_id)),
            ..ClientMetadata::default()
        }
    }

    fn scope(&self) -> &'static str {
        match self.place {
            Place::Device => "email offline_access openid orders:read profile",
            Place::Page | Place::Server => "email openid orders:read profile",
        }
    }

    fn pending(&self, now: Timestamp, browser: Fingerprint) -> anyhow::Result<Pending> {
        let request = serde_json::json!({
            "client_id": self.client_id,
            "redirect_uri": { "from": "request", "uri": format!("https://{}.example/callback", self.client_id) },
            "response_type": "code",
            "response_mode": "query",
            "scope": self.scope(),
            "state": base64url(&random::<16>()),
            "nonce": base64url(&random::<16>()),
            "code_challenge": base64url(&random::<32>()),
        });
        Ok(Pending {
            id: Id::new(),
            request: serde_json::from_value(request)?,
            browser: Some(browser),
            session_id: None,
            signed_in_at: None,
            consented_at: None,
            completed_at: None,
            expires_at: now.plus(PATIENCE),
        })
    }
}

impl Population {
    pub fn new(users: &[(Id<User>, String)], assumed: Assumptions, mut chance: Chance) -> Self {
        let there_are = (assumed.apps as usize).max(1);
        let apps: Vec<App> = (0..there_are)
            .map(|number| {
                // By their number, so that few apps have their shares too.
                let share = (number as f64 + 0.5) / there_are as f64;
                let place = match share {
                    share if share < assumed.page_apps => Place::Page,
                    share if share < assumed.page_apps + assumed.device_apps => Place::Device,
                    _ => Place::Server,
                };
                let asserts = place == Place::Server && chance.happens(assumed.asserting_apps);
                let listens = chance.happens(assumed.listening_apps);
                App { client_id: format!("app-{number:03}"), place, listens, asserts }
            })
            .collect();
        let people = users
            .iter()
            .map(|(id, name)| {
                let mine = chance.about(assumed.apps_per_user).max(1);
                let devices = chance.about(assumed.devices).max(1);
                let house = format!("{}.{}.{}", 1 + chance.below(200), chance.below(250), chance.below(250));
                Person {
                    id: *id,
                    name: name.clone(),
                    apps: (0..mine).map(|_| chance.below(apps.len())).collect(),
                    agreed: BTreeSet::new(),
                    devices: (0..devices)
                        .map(|number| Device {
                            browser: Fingerprint::of(&random::<32>()),
                            address: format!("{house}.{}", 1 + number),
                            session: None,
                            tokens: BTreeMap::new(),
                        })
                        .collect(),
                }
            })
            .collect();
        Population { apps, assumed, chance, people }
    }

    /// Who comes in which hour of a day.
    pub fn plan(&mut self, hours: &[f64; 24]) -> [Vec<usize>; 24] {
        let mut plan: [Vec<usize>; 24] = Default::default();
        for person in 0..self.people.len() {
            if !self.chance.happens(self.assumed.daily_active) {
                continue;
            }
            let visits = self.chance.about(self.assumed.visits).max(1);
            let hours: BTreeSet<usize> = (0..visits).map(|_| self.chance.weighed(hours)).collect();
            hours.into_iter().for_each(|hour| plan[hour].push(person));
        }
        plan
    }

    pub fn visit(&mut self, person: usize, hour: Timestamp) -> anyhow::Result<Visit> {
        let Population { apps, assumed, chance, people } = self;
        let into_the_hour = Duration::from_secs(chance.below(3000) as u64);
        let mut visit = Visit { acts: Vec::new(), further_refreshes: 0, at: hour.plus(into_the_hour) };
        let person = &mut people[person];
        let here = chance.below(person.devices.len());
        for _ in 0..chance.about(assumed.apps_per_visit).max(1) {
            let number = person.apps[chance.below(person.apps.len())];
            let app = &apps[number];
            let refreshes = chance.about(assumed.refreshes);
            let token = person.devices[here].tokens.get_mut(&number).filter(|token| token.lives(visit.at));
            match (app.place, token) {
                (Place::Device, Some(token)) => {
                    token.rotated_at = visit.at;
                    let (grant, generation) = (token.grant, token.generation);
                    token.generation += 1;
                    visit.act(person.id, Deed::Refresh { grant, client: app.client_id.clone(), generation });
                    visit.further_refreshes += refreshes.saturating_sub(1);
                }
                (Place::Server, _) => person.authorize(&mut visit, here, (number, app), assumed, chance)?,
                (Place::Page | Place::Device, _) => {
                    person.authorize(&mut visit, here, (number, app), assumed, chance)?;
                    visit.further_refreshes += refreshes;
                }
            }
        }
        person.leave(&mut visit, here, apps, assumed, chance);
        Ok(visit)
    }
}

impl Person {
    fn sign_in(
        &mut self,
        visit: &mut Visit,
        here: usize,
        app: &App,
        (assumed, chance): (&Assumptions, &mut Chance),
    ) -> anyhow::Result<Id<Session>> {
        let device = &mut self.devices[here];
        if chance.happens(assumed.abandoned) {
            let pending = Box::new(app.pending(visit.at, device.browser)?);
            visit.act(self.id, Deed::AbandonSignIn(pending));
        }
        let persistence = if chance.happens(assumed.kept) { Persistence::Kept } else { Persistence::Window };
        let session = Session {
            id: Id::new(),
            user_id: self.id,
            secret: Fingerprint::of(&random::<32>()),
            browser: device.browser,
            persistence,
            amr: vec!["pwd".to_owned()],
            user_agent: USER_AGENT.to_owned(),
            address: device.address.clone(),
            auth_time: visit.at,
            last_seen_at: visit.at,
            expires_at: visit.at.plus(SESSION_ABSOLUTE),
        };
        let id = session.id;
        let (last_seen, expires_at) = (session.last_seen_at, session.expires_at);
        device.session = Some(Held { id, persistence, last_seen, expires_at });
        let deed = Deed::SignIn {
            pending: Box::new(app.pending(visit.at, device.browser)?),
            wrong: chance.about(assumed.wrong_passwords),
            account: Fingerprint::of(format!("account {}", self.name).as_bytes()),
            network: Fingerprint::of(format!("network {}", device.address).as_bytes()),
            session: Box::new(session),
        };
        visit.act(self.id, deed);
        Ok(id)
    }

    /// A code and its redemption, after whatever has to come before.
    fn authorize(
        &mut self,
        visit: &mut Visit,
        here: usize,
        (number, app): (usize, &App),
        assumed: &Assumptions,
        chance: &mut Chance,
    ) -> anyhow::Result<()> {
        // Until the code is redeemed too.
        let redeemed = visit.at.plus(STEP * 4);
        let held = self.devices[here].session.as_mut().filter(|session| session.lives(redeemed));
        let session = match held {
            Some(held) => {
                if visit.at.since(held.last_seen) >= SEEN_EVERY {
                    held.last_seen = visit.at;
                    visit.act(self.id, Deed::Touch(held.id));
                }
                held.id
            }
            None => self.sign_in(visit, here, app, (assumed, chance))?,
        };
        let scope: gatepass::protocol::scope::Scope = app.scope().parse()?;
        if self.agreed.insert(number) {
            let consent = Consent {
                user_id: self.id,
                client_id: app.client_id.clone(),
                scope: scope.clone(),
                resources: Resources::default(),
                created_at: visit.at,
                updated_at: visit.at,
            };
            visit.act(self.id, Deed::Consent(Box::new(consent)));
        }
        if app.asserts {
            visit.act(self.id, Deed::Assert(Fingerprint::of(&random::<32>())));
        }
        let life = if app.place == Place::Server { ACCESS_TOKEN } else { REFRESH_ABSOLUTE };
        let grant = Grant {
            id: Id::new(),
            user_id: self.id,
            client_id: app.client_id.clone(),
            session_id: session,
            scope,
            resources: Resources::default(),
            claims: BTreeSet::new(),
            generation: 1,
            auth_time: visit.at,
            rotated_at: visit.at,
            expires_at: visit.at.plus(life),
            ended_at: None,
            status_index: None,
        };
        if app.place == Place::Device {
            let Grant { id, generation, rotated_at, expires_at, .. } = grant;
            let token = Token { grant: id, session, generation, rotated_at, expires_at };
            self.devices[here].tokens.insert(number, token);
        }
        visit.act(self.id, Deed::Authorize(Box::new(grant)));
        Ok(())
    }

    /// What is ended at the end of a visit.
    fn leave(
        &mut self,
        visit: &mut Visit,
        here: usize,
        apps: &[App],
        assumed: &Assumptions,
        chance: &mut Chance,
    ) {
        let now = visit.at;
        if chance.happens(assumed.revoked_tokens) {
            let app = &apps[self.apps[chance.below(self.apps.len())]];
            visit.act(self.id, Deed::RevokeToken(app.client_id.clone()));
        }
        if chance.happens(assumed.removed_apps)
            && let Some(removed) = self.agreed.pop_last()
        {
            for device in &mut self.devices {
                device.tokens.remove(&removed);
            }
            visit.act(self.id, Deed::RemoveApp(apps[removed].client_id.clone()));
        }
        let Some(kept) = self.devices[here].session.as_ref().filter(|session| session.lives(now)) else {
            return;
        };
        let kept = kept.id;
        if chance.happens(assumed.changed_passwords) {
            for (number, device) in self.devices.iter_mut().enumerate() {
                device.tokens.retain(|_, token| token.session == kept);
                device.session.take_if(|_| number != here);
            }
            visit.act(self.id, Deed::ChangePassword { kept });
        }
        let other = (here + 1) % self.devices.len();
        if other != here
            && chance.happens(assumed.ended_devices)
            && let Some(session) = self.devices[other].session.take_if(|session| session.lives(now))
        {
            self.devices[other].tokens.retain(|_, token| token.session != session.id);
            visit.act(self.id, Deed::EndDevice(session.id));
        }
        if chance.happens(assumed.sign_outs) {
            self.devices[here].session = None;
            visit.act(self.id, Deed::SignOut(kept));
        }
    }
}
