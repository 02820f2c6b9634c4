//! What must hold in the rows whatever happened to the processes that wrote them (`doctor --check`).

use sea_orm::{DatabaseBackend, Statement};

use super::{ConnectionTrait, Error, Store};

/// A sentence that must be true, and a query that counts the rows that break it.
struct Invariant {
    sentence: &'static str,
    breaches: &'static str,
}

const INVARIANTS: &[Invariant] = &[
    Invariant {
        sentence: "every session belongs to a user",
        breaches: "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id)",
    },
    Invariant {
        sentence: "every grant belongs to a user",
        breaches: "SELECT count(*) FROM grants g WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = g.user_id)",
    },
    Invariant {
        sentence: "every credential belongs to a user",
        breaches: "SELECT count(*) FROM credentials c WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id)",
    },
    Invariant {
        sentence: "every registration belongs to a client",
        breaches: "SELECT count(*) FROM registrations r WHERE NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = r.client_id)",
    },
    Invariant {
        sentence: "no live grant without offline_access descends from an ended session",
        breaches: "SELECT count(*) FROM grants g JOIN sessions s ON s.id = g.session_id \
                   JOIN terms t ON t.id = g.terms_id WHERE g.ended_at IS NULL AND s.ended_at IS NOT NULL \
                   AND ' ' || t.scope || ' ' NOT LIKE '% offline_access %'",
    },
    Invariant {
        sentence: "no disabled user has a live session",
        breaches: "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id \
                   WHERE s.ended_at IS NULL AND u.disabled_at IS NOT NULL",
    },
    Invariant {
        sentence: "no disabled user has a live grant",
        breaches: "SELECT count(*) FROM grants g JOIN users u ON u.id = g.user_id \
                   WHERE g.ended_at IS NULL AND u.disabled_at IS NOT NULL",
    },
    Invariant {
        sentence: "every grant says what was granted to whom",
        breaches: "SELECT count(*) FROM grants g WHERE NOT EXISTS (SELECT 1 FROM terms t WHERE t.id = g.terms_id)",
    },
    Invariant {
        sentence: "a grant starts at generation 1 and ends after its sign-in",
        breaches: "SELECT count(*) FROM grants WHERE generation < 1 OR expires_at <= auth_time",
    },
    Invariant {
        sentence: "no revocation has a number that was not given out",
        breaches: "SELECT count(*) FROM revocations r WHERE r.number > (SELECT number FROM revocation_head)",
    },
    Invariant {
        sentence: "each algorithm has one key that is announced or signing without a successor",
        breaches: "SELECT count(*) FROM (SELECT algorithm FROM keys WHERE retired_at IS NULL \
                   GROUP BY algorithm HAVING count(*) > 1) AS doubled",
    },
];

/// One sentence and how many rows break it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    pub sentence: &'static str,
    pub breaches: i64,
}

pub async fn check(store: &Store) -> Result<Vec<Finding>, Error> {
    let backend = if store.is_postgres() { DatabaseBackend::Postgres } else { DatabaseBackend::Sqlite };
    let mut findings = Vec::with_capacity(INVARIANTS.len());
    for invariant in INVARIANTS {
        let row = store.read().query_one_raw(Statement::from_string(backend, invariant.breaches)).await?;
        let breaches = match row {
            Some(row) => row.try_get_by_index(0)?,
            None => 0,
        };
        findings.push(Finding { sentence: invariant.sentence, breaches });
    }
    Ok(findings)
}
