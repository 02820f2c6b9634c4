//! What was counted, beside what must hold: lines for people while it runs, JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::bench::Scale;
use crate::faults::Fault;
use crate::rig::Rig;

/// What a figure must be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    Exactly(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Pass {
    fn admits(self, figure: f64) -> bool {
        match self {
            Pass::Exactly(mark) => figure == mark,
            Pass::AtMost(mark) => figure <= mark,
            Pass::AtLeast(mark) => figure >= mark,
        }
    }

    fn said(self) -> String {
        match self {
            Pass::Exactly(mark) => format!("= {}", number(mark)),
            Pass::AtMost(mark) => format!("≤ {}", number(mark)),
            Pass::AtLeast(mark) => format!("≥ {}", number(mark)),
        }
    }
}

/// What a figure depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Nature {
    /// Nothing but Gatepass.
    Count,
    /// Also on what else the machine does.
    Time,
}

#[derive(Clone, Debug, Serialize)]
struct Mark {
    what: String,
    nature: Nature,
    figure: f64,
    pass: Pass,
    holds: bool,
}

/// How one fault went with one profile (a database, a number of nodes).
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    profile: String,
    /// How much was done: without it the marks mean little.
    counted: String,
    marks: Vec<Mark>,
    /// Why the fault has not happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_run: Option<String>,
}

impl Verdict {
    pub fn of(profile: impl Into<String>, counted: impl Into<String>) -> Self {
        Verdict { profile: profile.into(), counted: counted.into(), marks: Vec::new(), not_run: None }
    }

    /// The fault did not fire, or could not: nothing is known, which is no success.
    pub fn not_run(profile: impl Into<String>, why: impl Into<String>) -> Self {
        Verdict { not_run: Some(why.into()), ..Verdict::of(profile, "") }
    }

    pub fn mark(self, what: impl Into<String>, figure: f64, pass: Pass) -> Self {
        self.noted(what.into(), Nature::Count, figure, pass)
    }

    fn noted(mut self, what: String, nature: Nature, figure: f64, pass: Pass) -> Self {
        self.marks.push(Mark { what, nature, figure, pass, holds: pass.admits(figure) });
        self
    }

    /// Nothing of this kind may have happened.
    pub fn none(self, what: impl Into<String>, count: usize) -> Self {
        self.mark(what, count as f64, Pass::Exactly(0.0))
    }

    pub fn within(self, what: impl Into<String>, took: Duration, most: Duration) -> Self {
        let what = format!("{}, s", what.into());
        self.noted(what, Nature::Time, took.as_secs_f64(), Pass::AtMost(most.as_secs_f64()))
    }

    /// Work done under it, of what is done without it.
    pub fn kept_up(self, what: impl Into<String>, share: f64, least: f64) -> Self {
        self.noted(what.into(), Nature::Time, share, Pass::AtLeast(least))
    }

    /// So many times as long as without the fault.
    pub fn slowed(self, what: impl Into<String>, times: f64, most: f64) -> Self {
        let what = format!("{}, times the calm one", what.into());
        self.noted(what, Nature::Time, times, Pass::AtMost(most))
    }

    /// Whether nothing speaks against it but times, or that it did not happen.
    pub fn may_be_the_machine(&self) -> bool {
        self.marks.iter().all(|mark| mark.holds || mark.nature == Nature::Time)
    }

    /// What `gatepass doctor --check` says of the rows afterwards.
    pub async fn examined(self, rig: &Rig) -> anyhow::Result<Self> {
        let violations = rig.violations().await?;
        Ok(self.none("violations found by doctor --check", violations))
    }

    pub fn passed(&self) -> bool {
        self.not_run.is_none() && self.marks.iter().all(|mark| mark.holds)
    }

    fn lines(&self, fault: Fault) -> String {
        let mut text = String::new();
        let name = fault.name();
        if let Some(why) = &self.not_run {
            let _ = writeln!(text, "{name:<4} {:<22} NOT RUN: {why}", self.profile);
            return text;
        }
        let _ = writeln!(text, "{name:<4} {:<22} {}", self.profile, self.counted);
        for Mark { what, figure, pass, holds, .. } in &self.marks {
            let word = if *holds { "passed" } else { "FAILED" };
            let _ = writeln!(text, "     {word:<7} {what:<56} {:>9}   {}", number(*figure), pass.said());
        }
        text
    }
}

fn number(figure: f64) -> String {
    match figure.fract() == 0.0 {
        true => format!("{figure:.0}"),
        false => format!("{figure:.3}"),
    }
}

/// The lines of all profiles, to be put behind a title.
pub fn told(fault: Fault, verdicts: &[Verdict]) -> String {
    let lines: String = verdicts.iter().map(|verdict| verdict.lines(fault)).collect();
    format!("\n{lines}")
}

#[derive(Serialize)]
struct Entry {
    fault: &'static str,
    title: &'static str,
    seconds: f64,
    verdicts: Vec<Verdict>,
}

#[derive(Serialize)]
pub struct Report {
    seed: u64,
    scale: Scale,
    faults: Vec<Entry>,
}

impl Report {
    pub fn new(seed: u64, scale: Scale) -> Self {
        Report { seed, scale, faults: Vec::new() }
    }

    pub fn add(&mut self, fault: Fault, took: Duration, verdicts: Vec<Verdict>) {
        let seconds = took.as_secs_f64();
        print!("\n{} {}, {seconds:.0} s{}", fault.name(), fault.title(), told(fault, &verdicts));
        self.faults.push(Entry { fault: fault.name(), title: fault.title(), seconds, verdicts });
    }

    /// One line a fault and profile, and the count of both ends.
    pub fn summary(&self) -> String {
        let mut text = String::from("\n");
        for entry in &self.faults {
            for verdict in &entry.verdicts {
                let word = match (&verdict.not_run, verdict.passed()) {
                    (Some(_), _) => "NOT RUN",
                    (None, true) => "passed",
                    (None, false) => "FAILED",
                };
                let said = verdict.not_run.as_ref().unwrap_or(&verdict.counted);
                let _ = writeln!(
                    text,
                    "{word:<8} {:<4} {:<28} {:<22} {said}",
                    entry.fault, entry.title, verdict.profile
                );
            }
        }
        let verdicts = self.faults.iter().map(|entry| entry.verdicts.len()).sum::<usize>();
        let failed = self.failed();
        let _ = writeln!(text, "faults: {} passed, {failed} failed; seed {}", verdicts - failed, self.seed);
        text
    }

    pub fn failed(&self) -> usize {
        let verdicts = self.faults.iter().flat_map(|entry| &entry.verdicts);
        verdicts.filter(|verdict| !verdict.passed()).count()
    }
}
