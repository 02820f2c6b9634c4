//! Hour after hour: what people do is played, what waits is delivered, and what is dead is removed by the server's own
//! job.

use std::collections::BTreeMap;
use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::id::Id;
use gatepass::jobs;
use gatepass::store::leases::Node;
use gatepass::store::{Error, Store};
use serde::Serialize;

use crate::act::{self, Act, Deed, Outcome, REFRESH_IDLE};
use crate::assumptions::HOURS;
use crate::population::Population;
use crate::rows::{self, Counts};

pub const HOUR: Duration = Duration::from_secs(3600);
/// Registrations that nobody uses; there are none here.
const UNUSED: Duration = Duration::from_secs(30 * 86_400);
/// Acts that share a commit here, so that the disk is not what is measured.
const TOGETHER: usize = 250;
/// Rates and growth are those of so many days at the end: at the beginning everybody signs in.
const LAST_DAYS: usize = 7;
/// The hour in which most is there.
const EVENING: usize = 20;
/// Rows from which on pages are filled.
const MEASURABLE: i64 = 200;
/// What stands in an event of the feed besides what is dead: its number, its name, two times.
const FRAME: i64 = 85;

/// What was done in an hour, or altogether.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Tally {
    pub sign_ins: u64,
    pub wrong_passwords: u64,
    pub authorizations: u64,
    pub refreshes: u64,
    pub endings: u64,
    pub letters: u64,
    pub commits: u64,
    /// Inserts, updates and deletes, those of the pruning among them.
    pub writes: u64,
    /// What the store would not do although it should.
    pub refused: u64,
}

impl Tally {
    fn note(&mut self, act: &Act) {
        self.commits += act.commits();
        match &act.deed {
            Deed::SignIn { wrong, .. } => {
                self.sign_ins += 1;
                self.wrong_passwords += wrong;
            }
            Deed::Authorize(_) => self.authorizations += 1,
            Deed::Refresh { .. } => self.refreshes += 1,
            _ => {}
        }
    }

    fn note_further(&mut self, refreshes: u64) {
        self.refreshes += refreshes;
        self.commits += refreshes;
        self.writes += refreshes;
    }

    fn add(&mut self, hour: &Tally) {
        self.sign_ins += hour.sign_ins;
        self.wrong_passwords += hour.wrong_passwords;
        self.authorizations += hour.authorizations;
        self.refreshes += hour.refreshes;
        self.endings += hour.endings;
        self.letters += hour.letters;
        self.commits += hour.commits;
        self.writes += hour.writes;
        self.refused += hour.refused;
    }
}

/// What became of one noun.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Noun {
    pub end: i64,
    pub peak: i64,
    pub pruned: i64,
    /// Rows that came to it a day in the last week, what was removed taken off.
    pub growth: f64,
    /// With its indexes, on the evening when it had the most rows. `None`: too few to tell from empty pages.
    pub bytes_per_row: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Feed {
    /// Entries that are told and not forgotten yet, in the hour with the most.
    pub alive: f64,
    /// On the wire.
    pub bytes_per_entry: f64,
    pub busiest_hour: u64,
}

#[derive(Debug, Serialize)]
pub struct Month {
    pub nouns: BTreeMap<&'static str, Noun>,
    pub all: Tally,
    pub last_week: Tally,
    pub last_week_hours: u64,
    /// The hour of it with the most commits.
    pub busiest: Tally,
    pub feed: Feed,
    /// By PostgreSQL, for each write.
    pub wal_per_write: Option<f64>,
}

/// Follows the rows through the month.
#[derive(Default)]
struct Ledger {
    nouns: BTreeMap<&'static str, Noun>,
    /// At the end of each day.
    days: Vec<Counts>,
    /// Rows when the bytes were taken.
    measured: BTreeMap<&'static str, i64>,
}

impl Ledger {
    fn pruned(&mut self, before: &Counts, after: &Counts) {
        for (name, rows) in before {
            let noun = self.nouns.entry(name).or_default();
            noun.peak = noun.peak.max(*rows);
            noun.end = after[name];
            noun.pruned += rows - noun.end;
        }
    }

    fn measure(&mut self, rows: &Counts, bytes: &Counts) {
        for (name, rows) in rows.iter().filter(|(_, rows)| **rows >= MEASURABLE) {
            if self.measured.get(name).is_none_or(|most| rows >= most) {
                self.measured.insert(name, *rows);
                self.nouns.entry(name).or_default().bytes_per_row = Some(bytes[name] as f64 / *rows as f64);
            }
        }
    }

    fn close(mut self) -> BTreeMap<&'static str, Noun> {
        let last = LAST_DAYS.min(self.days.len().saturating_sub(1));
        if let (Some(end), true) = (self.days.last(), last > 0) {
            let before = &self.days[self.days.len() - 1 - last];
            for (name, noun) in &mut self.nouns {
                noun.growth = (end[name] - before[name]) as f64 / last as f64;
            }
        }
        self.nouns
    }
}

pub async fn play(
    store: &Store,
    population: &mut Population,
    began: Timestamp,
    days: u32,
    mut tell: impl FnMut(u32),
) -> anyhow::Result<Month> {
    let node = Id::new();
    let (mut ledger, mut feed) = (Ledger::default(), Feed::default());
    let (mut all, mut last_week, mut busiest) = (Tally::default(), Tally::default(), Tally::default());
    let last_days = days.min(LAST_DAYS as u32);
    let (mut newest, mut entries, mut text) = (0, 0, 0);
    let wal = rows::written_ahead(store).await?;
    for day in 0..days {
        let plan = population.plan(&HOURS);
        for (number, people) in plan.iter().enumerate() {
            let hour = began.plus(HOUR * (24 * day + number as u32));
            let mut tally = play_hour(store, population, people, hour).await?;
            let end = hour.plus(HOUR);
            let letters = store.write(end, |tx, end| Box::pin(act::deliver(tx, *end))).await?;
            tally.letters = letters;
            tally.commits += 2 * letters;

            let endings = rows::endings_after(store, newest).await?;
            newest = endings.number;
            tally.endings = endings.entries as u64;
            (entries, text) = (entries + endings.entries, text + endings.text);
            feed.alive = feed.alive.max(endings.lives as f64 / HOUR.as_millis() as f64);
            feed.busiest_hour = feed.busiest_hour.max(tally.endings);

            let before = rows::count(store).await?;
            if number == EVENING {
                ledger.measure(&before, &rows::bytes(store).await?);
            }
            tally.writes += prune(store, node, end).await?;
            ledger.pruned(&before, &rows::count(store).await?);
            all.add(&tally);
            if day + last_days >= days {
                last_week.add(&tally);
                if tally.commits > busiest.commits {
                    busiest = tally;
                }
            }
        }
        ledger.days.push(rows::count(store).await?);
        rows::vacuum(store).await?;
        tell(day + 1);
    }
    feed.bytes_per_entry = if entries > 0 { (text / entries + FRAME) as f64 } else { 0.0 };
    let wal = wal.zip(rows::written_ahead(store).await?).map(|(before, after)| (after - before) as f64);
    Ok(Month {
        nouns: ledger.close(),
        all,
        last_week,
        last_week_hours: u64::from(last_days) * 24,
        busiest,
        feed,
        wal_per_write: wal.map(|bytes| bytes / (all.writes as f64).max(1.0)),
    })
}

async fn play_hour(
    store: &Store,
    population: &mut Population,
    people: &[usize],
    hour: Timestamp,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut acts = Vec::new();
    let mut further = 0;
    for person in people {
        let visit = population.visit(*person, hour)?;
        visit.acts.iter().for_each(|act| tally.note(act));
        further += visit.further_refreshes;
        acts.extend(visit.acts);
    }
    let (_, before) = store.statements();
    while !acts.is_empty() {
        let some: Vec<Act> = acts.drain(..acts.len().min(TOGETHER)).collect();
        tally.refused += store.write(some, |tx, some| Box::pin(play_together(tx, some))).await?;
    }
    tally.writes = store.statements().1 - before;
    tally.note_further(further);
    Ok(tally)
}

/// How many of them were refused.
async fn play_together(tx: &gatepass::store::Transaction, acts: &[Act]) -> Result<u64, Error> {
    let mut refused = 0;
    for act in acts {
        refused += u64::from(act.play(tx).await? == Outcome::Refused);
    }
    Ok(refused)
}

/// Rows that are gone.
async fn prune(store: &Store, node: Id<Node>, now: Timestamp) -> anyhow::Result<u64> {
    Ok(jobs::prune(store, node, UNUSED, now).await? + jobs::resting::prune(store, REFRESH_IDLE, now).await?)
}
