//! Places where a test lets this process die, as by kill -9 (`--features failpoints`, tests/faults). A release has none.

/// Between what a client was told and what the database keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A transaction has done its work, and its commit is not asked for.
    BeforeCommit,
    /// It is durable, and nobody knows.
    AfterCommit,
    /// The answer is made, and nothing of it is sent.
    BeforeResponse,
}

#[cfg(not(feature = "failpoints"))]
impl Failpoint {
    #[inline(always)]
    pub const fn reached(self) {}
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Failpoint;

    /// "before-commit=21" ends the process when it is there for the 21st time.
    const VARIABLE: &str = "FAILPOINT";

    struct Armed {
        name: String,
        passes_left: AtomicU64,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    impl Failpoint {
        const fn name(self) -> &'static str {
            match self {
                Failpoint::BeforeCommit => "before-commit",
                Failpoint::AfterCommit => "after-commit",
                Failpoint::BeforeResponse => "before-response",
            }
        }

        /// Nothing unwinds here, and nothing is flushed.
        pub fn reached(self) {
            let Some(armed) = ARMED.get_or_init(Armed::from_environment) else { return };
            if armed.name == self.name() && armed.passes_left.fetch_sub(1, Ordering::Relaxed) == 1 {
                std::process::abort();
            }
        }
    }

    impl Armed {
        fn from_environment() -> Option<Armed> {
            let said = std::env::var(VARIABLE).ok()?;
            let (name, passes) = said.split_once('=')?;
            Some(Armed { name: name.to_owned(), passes_left: AtomicU64::new(passes.parse().ok()?) })
        }
    }
}
