//! What a month came to, for people and as JSON.

use serde::Serialize;

use crate::assumptions::Assumptions;
use crate::month::{Month, Tally};
use crate::rows::NOUNS;

/// A node's memory for an entry besides its frame: the entry itself and the frame's counter.
const ENTRY: f64 = 100.0;
/// Bytes a second to a follower to which nothing is told.
const HEARTBEAT: f64 = 35.0;

/// Its name, and where it is counted.
type Rate = (&'static str, fn(&Tally) -> u64);

#[derive(Serialize)]
pub struct Report {
    pub database: &'static str,
    pub seed: u64,
    pub users: usize,
    /// What the figures are extrapolated to.
    pub of: u64,
    pub days: u32,
    pub assumed: Assumptions,
    pub month: Month,
    pub seconds: f64,
}

impl Report {
    fn scale(&self) -> f64 {
        self.of as f64 / self.users as f64
    }

    pub fn print(&self) {
        let scale = self.scale();
        println!(
            "{} days of {} users on {}, one in {scale:.0} of {}; seed {}; played in {:.0} s\n",
            self.days,
            self.users,
            self.database,
            amount(self.of as f64),
            self.seed,
            self.seconds
        );
        println!("assumed");
        for (name, value, sentence) in self.assumed.listed() {
            println!("  {name:<18} {value:>6}  {sentence}");
        }
        self.print_rows(scale);
        self.print_rates(scale);
        self.print_feed(scale);
    }

    fn print_rows(&self, scale: f64) {
        println!(
            "\n{:<15}{:>9}{:>9}{:>9}{:>7} {:>13}{:>11}{:>14}",
            "rows", "end", "peak", "pruned", "bytes", "peak, scaled", "on disk", "growth a day"
        );
        let mut disk = 0.0;
        for name in NOUNS {
            let Some(noun) = self.month.nouns.get(name) else { continue };
            let bytes = noun.bytes_per_row.map(|bytes| noun.peak as f64 * scale * bytes);
            disk += bytes.unwrap_or(0.0);
            let few = || "few".to_owned();
            println!(
                "{name:<15}{:>9}{:>9}{:>9}{:>7} {:>13}{:>11}{:>14}",
                noun.end,
                noun.peak,
                noun.pruned,
                noun.bytes_per_row.map_or_else(few, |bytes| format!("{bytes:.0}")),
                amount(noun.peak as f64 * scale),
                bytes.map_or_else(few, size),
                amount(noun.growth * scale),
            );
        }
        println!("{:<15}{:>59}", "altogether", size(disk));
    }

    fn print_rates(&self, scale: f64) {
        let mean = |of: fn(&Tally) -> u64| {
            of(&self.month.last_week) as f64 * scale / (self.month.last_week_hours as f64 * 3600.0)
        };
        let busiest = |of: fn(&Tally) -> u64| of(&self.month.busiest) as f64 * scale / 3600.0;
        println!("\n{:<38}{:>9}{:>15}", "a second in the last week, scaled", "mean", "busiest hour");
        let rates: [Rate; 8] = [
            ("sign-ins by password", |tally| tally.sign_ins),
            ("wrong passwords", |tally| tally.wrong_passwords),
            ("silent authorizations with their code", |tally| tally.authorizations),
            ("refreshes", |tally| tally.refreshes),
            ("endings", |tally| tally.endings),
            ("letters", |tally| tally.letters),
            ("commits", |tally| tally.commits),
            ("rows written, changed or removed", |tally| tally.writes),
        ];
        for (name, of) in rates {
            println!("{name:<38}{:>9.1}{:>15.1}", mean(of), busiest(of));
        }
        if let Some(bytes) = self.month.wal_per_write {
            println!(
                "{:<38}{:>9}{:>15}   ({bytes:.0} bytes a write)",
                "written ahead",
                size(mean(|tally| tally.writes) * bytes),
                size(busiest(|tally| tally.writes) * bytes)
            );
        }
        if self.month.all.refused > 0 {
            println!("the store refused {} acts that it should not have", self.month.all.refused);
        }
    }

    fn print_feed(&self, scale: f64) {
        let feed = &self.month.feed;
        let alive = feed.alive * scale;
        let endings = feed.busiest_hour as f64 * scale / 3600.0;
        println!("\nthe feed, in its busiest hour, scaled");
        println!("  entries alive                       {:>9}", amount(alive));
        println!("  endings a second                    {endings:>9.1}");
        println!("  bytes of an entry on the wire       {:>9.0}", feed.bytes_per_entry);
        println!("  memory of a node                    {:>9}", size(alive * (feed.bytes_per_entry + ENTRY)));
        let stream = endings * feed.bytes_per_entry + HEARTBEAT;
        println!("  stream to a follower, a second      {:>9}", size(stream));
        println!("  all of it to a new follower         {:>9}", size(alive * feed.bytes_per_entry));
    }
}

fn amount(number: f64) -> String {
    scaled(number, 1000.0, ["", "k", "M", "G"])
}

fn size(bytes: f64) -> String {
    scaled(bytes, 1000.0, [" B", " kB", " MB", " GB"])
}

fn scaled(mut number: f64, step: f64, units: [&str; 4]) -> String {
    let mut unit = 0;
    while number.abs() >= step && unit < 3 {
        number /= step;
        unit += 1;
    }
    if unit == 0 { format!("{number:.0}{}", units[0]) } else { format!("{number:.1}{}", units[unit]) }
}
