//! Writing: a transaction is a value and a function, handed to [`Store::write`], the only way in.
//!
//! On SQLite one task writes. It gathers the transactions that are waiting, runs them in one
//! `BEGIN IMMEDIATE … COMMIT`, and answers all of them after the one fsync: durable writes share their cost. If one
//! of them is to be undone, all are, and run again with a savepoint each. A single statement that waits alone needs
//! neither. On PostgreSQL the server does the same for commits that arrive together, so each transaction takes a connection.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use super::lineages::Memory;
use super::transaction::{Aftermath, Extent};
use super::{Error, Store, Transaction};
use crate::failpoint::Failpoint;

/// What happens inside a transaction. It may run again from the start, when the database asks for a retry or another
/// transaction of the same commit is undone, and nothing slow happens in it: no hash, no network, no signature. `Ok`
/// commits, `Err` undoes.
pub type Work<I, T> = for<'a> fn(&'a Transaction, &'a I) -> BoxFuture<'a, Result<T, Error>>;

/// How long a transaction may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Transactions that may wait for the SQLite writer. More than this is refused at once.
const QUEUE: usize = 1024;
/// Transactions that share one commit. It bounds how long the first one waits for the last one.
const GATHERED: usize = 64;
/// Rounds after which nobody else comes; some 3 µs each.
const ROUNDS_IN_VAIN: usize = 10;
/// What the first of them may lose by it, if the rounds are long because there is much else to do.
const LONGEST_WAIT: Duration = Duration::from_millis(1);
const TRIES: usize = 4;

/// What this process remembers goes with each: it learns from every commit.
pub(super) enum Writer {
    Gathering(mpsc::Sender<Box<dyn Waiting>>),
    Pool(DatabaseConnection, Arc<Memory>),
}

impl Writer {
    pub fn gathering(connection: DatabaseConnection, memory: Arc<Memory>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(gather(connection, receiver, memory));
        Writer::Gathering(sender)
    }
}

impl Store {
    /// Runs `work` in one transaction and returns after its commit. The caller may be dropped meanwhile: the
    /// transaction then either commits or leaves nothing.
    pub async fn write<I, T>(&self, input: I, work: Work<I, T>) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.run(input, work, Extent::Statements).await
    }

    /// The same for work of one statement, which fails at a second one. On PostgreSQL, and on SQLite where it shares no
    /// commit, it commits itself and saves two round trips; what `work` then makes of the answer cannot undo it.
    pub async fn write_once<I, T>(&self, input: I, work: Work<I, T>) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.run(input, work, Extent::Statement).await
    }

    async fn run<I, T>(&self, input: I, work: Work<I, T>, extent: Extent) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        match self.writer() {
            Writer::Gathering(queue) => {
                let (answer, answered) = oneshot::channel();
                let job = Box::new(Job { input, work, extent, done: None, answer: Some(answer) });
                let place =
                    tokio::time::timeout(PATIENCE, queue.reserve()).await.map_err(|_| Error::Overloaded)?;
                place.map_err(|_| Error::Overloaded)?.send(job);
                answered.await.map_err(|_| Error::Overloaded)?
            }
            Writer::Pool(pool, memory) => retrying(pool, memory, extent, &input, work).await,
        }
    }
}

/// Until PostgreSQL asks for no retry.
async fn retrying<I, T>(
    pool: &DatabaseConnection,
    memory: &Memory,
    extent: Extent,
    input: &I,
    work: Work<I, T>,
) -> Result<T, Error> {
    for attempt in 1.. {
        match once(pool, memory, extent, input, work).await {
            Err(Error::Unavailable(error)) if attempt < TRIES && wants_retry(&error) => {
                // Losers of a deadlock come back one after the other.
                tokio::time::sleep(Duration::from_millis(5 * attempt as u64)).await;
            }
            answer => return answer,
        }
    }
    Err(Error::Overloaded)
}

async fn once<I, T>(
    pool: &DatabaseConnection,
    memory: &Memory,
    extent: Extent,
    input: &I,
    work: Work<I, T>,
) -> Result<T, Error> {
    let transaction = Transaction::begin(pool, extent).await?;
    match work(&transaction, input).await {
        Ok(done) => {
            Failpoint::BeforeCommit.reached();
            let aftermath = transaction.commit().await?;
            Failpoint::AfterCommit.reached();
            memory.committed(aftermath);
            Ok(done)
        }
        Err(error) => {
            // A rollback that fails leaves a broken connection, which the pool drops; the error is the news.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// PostgreSQL: serialization_failure and deadlock_detected.
fn wants_retry(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    cause
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"))
}

/// A transaction in the queue of the SQLite writer.
pub(super) trait Waiting: Send {
    fn extent(&self) -> Extent;
    fn run<'a>(&'a mut self, transaction: &'a Transaction) -> BoxFuture<'a, Outcome>;
    /// Tells the caller, after the commit that its transaction was part of.
    fn answer(self: Box<Self>, commit: Result<(), Arc<DbErr>>);
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    Keep,
    Undo,
}

struct Job<I, T> {
    input: I,
    work: Work<I, T>,
    extent: Extent,
    done: Option<Result<T, Error>>,
    answer: Option<oneshot::Sender<Result<T, Error>>>,
}

impl<I: Send + Sync + 'static, T: Send + 'static> Waiting for Job<I, T> {
    fn extent(&self) -> Extent {
        self.extent
    }

    fn run<'a>(&'a mut self, transaction: &'a Transaction) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            // One panicking transaction must not take the writer with it.
            let done = AssertUnwindSafe((self.work)(transaction, &self.input)).catch_unwind().await;
            let outcome = match &done {
                Ok(Ok(_)) => Outcome::Keep,
                Ok(Err(_)) | Err(_) => Outcome::Undo,
            };
            self.done = done.ok();
            outcome
        })
    }

    fn answer(mut self: Box<Self>, commit: Result<(), Arc<DbErr>>) {
        let Some(caller) = self.answer.take() else { return };
        let done = match (self.done.take(), commit) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(_)), Err(error)) => {
                Err(Error::Unavailable(DbErr::Custom(format!("the commit failed: {error}"))))
            }
            (Some(done), Ok(())) => done,
            // It panicked or never ran.
            (None, _) => Err(Error::Overloaded),
        };
        // A caller that hung up does not need the answer.
        let _ = caller.send(done);
    }
}

async fn gather(
    connection: DatabaseConnection,
    mut queue: mpsc::Receiver<Box<dyn Waiting>>,
    memory: Arc<Memory>,
) {
    let mut jobs = Vec::with_capacity(GATHERED);
    let mut condition = Condition::Sound;
    let mut before = 1;
    while queue.recv_many(&mut jobs, GATHERED).await > 0 {
        if before.max(jobs.len()) > 1 {
            wait_for_others(&mut queue, &mut jobs).await;
        }
        before = jobs.len();
        metrics::histogram!("gatepass_store_gathered_transactions").record(jobs.len() as f64);
        let commit = match condition.restore(&connection).await {
            Ok(()) => run_gathered(&connection, &mut jobs).await,
            Err(error) => Err(error),
        };
        condition = if commit.is_ok() { Condition::Sound } else { Condition::Suspect };
        let commit = commit.map_err(Arc::new);
        Failpoint::AfterCommit.reached();
        let commit = commit.map(|aftermath| memory.committed(aftermath));
        for job in jobs.drain(..) {
            job.answer(commit.clone());
        }
    }
}

/// Where several write at a time, those who were answered together come back together, and one who is quicker than the
/// others would have a commit for itself while they wait for the next. So it waits as long as somebody comes, without a
/// timer, whose ticks are longer than a commit: each round lets every task run that can, and looks at every socket.
async fn wait_for_others(queue: &mut mpsc::Receiver<Box<dyn Waiting>>, jobs: &mut Vec<Box<dyn Waiting>>) {
    let (began, mut in_vain) = (Instant::now(), 0);
    while jobs.len() < GATHERED && in_vain < ROUNDS_IN_VAIN && began.elapsed() < LONGEST_WAIT {
        tokio::task::yield_now().await;
        match queue.try_recv() {
            Ok(job) => {
                jobs.push(job);
                in_vain = 0;
            }
            Err(_) => in_vain += 1,
        }
    }
}

/// What can be said of the writing connection. When a transaction fails, SQLite may have ended it by itself (a disk
/// that is full), and sqlx counts it as open for ever: it would make savepoints of all that follows, and after the first
/// of them that is undone nothing would be committed any more, though all of it was acknowledged.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    Sound,
    Suspect,
}

impl Condition {
    /// A suspect connection is closed, so that the next transaction has a new one.
    async fn restore(self, connection: &DatabaseConnection) -> Result<(), DbErr> {
        if self == Condition::Sound {
            return Ok(());
        }
        let suspect = connection.get_sqlite_connection_pool().acquire().await;
        let suspect = suspect.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))?;
        // However that goes, the pool has let go of it.
        let _ = suspect.close().await;
        Ok(())
    }
}

async fn run_gathered(
    connection: &DatabaseConnection,
    jobs: &mut [Box<dyn Waiting>],
) -> Result<Aftermath, DbErr> {
    if let Some(aftermath) = run_together(connection, jobs).await? {
        return Ok(aftermath);
    }
    let transaction = begin(connection).await?;
    let mut all = Aftermath::default();
    for job in jobs {
        all.extend(run(transaction.begin().await?, job).await?);
    }
    Failpoint::BeforeCommit.reached();
    transaction.commit().await?;
    Ok(all)
}

/// All in one, without savepoints, which cost as much as a statement each. `None`: one of them is to be undone, and
/// so all of them were.
async fn run_together(
    connection: &DatabaseConnection,
    jobs: &mut [Box<dyn Waiting>],
) -> Result<Option<Aftermath>, DbErr> {
    let is_alone = jobs.len() == 1;
    let extent = if is_alone { jobs[0].extent() } else { Extent::Statements };
    let transaction = match extent {
        Extent::Statement => Transaction::begin(connection, extent).await?,
        Extent::Statements => Transaction::new(begin(connection).await?),
    };
    for job in jobs {
        if job.run(&transaction).await == Outcome::Undo {
            transaction.rollback().await?;
            return Ok(is_alone.then(Aftermath::default));
        }
    }
    Failpoint::BeforeCommit.reached();
    transaction.commit().await.map(Some)
}

async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(immediate).await
}

/// One job in a savepoint of its own, which is kept or undone.
async fn run(database: DatabaseTransaction, job: &mut Box<dyn Waiting>) -> Result<Aftermath, DbErr> {
    let transaction = Transaction::new(database);
    match job.run(&transaction).await {
        Outcome::Keep => transaction.commit().await,
        Outcome::Undo => transaction.rollback().await.map(|()| Aftermath::default()),
    }
}
