//! Argon2id in a bounded pool (RFC 9106): a storm of sign-ins waits here and nowhere else.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2I_IDENT, ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;

use super::password::{Password, PasswordPolicy, Unacceptable};
use crate::secret;

/// What a hash costs (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParameters {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

/// The costliest hash that is imported or verified: a row must not be able to occupy the server.
pub const COSTLIEST: HashParameters = HashParameters { memory_kib: 256 * 1024, passes: 10, lanes: 8 };

impl Default for HashParameters {
    fn default() -> Self {
        HashParameters { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// A stored hash in PHC string format, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, that is safe to verify.
/// Parsing is the check for imports.
#[derive(Clone)]
pub struct StoredHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    phc: PasswordHash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    #[error("not a PHC string: expected $argon2id$v=19$m=…,t=…,p=…$salt$hash")]
    Malformed,
    #[error("only argon2id and argon2i hashes can be used")]
    Algorithm,
    #[error(
        "the hash costs too much: at most m={}, t={}, p={}",
        COSTLIEST.memory_kib, COSTLIEST.passes, COSTLIEST.lanes
    )]
    TooCostly,
}

impl FromStr for StoredHash {
    type Err = UnusableHash;

    fn from_str(text: &str) -> Result<Self, UnusableHash> {
        let phc = PasswordHash::new(text).map_err(|_| UnusableHash::Malformed)?;
        let algorithm = match phc.algorithm {
            ARGON2ID_IDENT => Algorithm::Argon2id,
            ARGON2I_IDENT => Algorithm::Argon2i,
            _ => return Err(UnusableHash::Algorithm),
        };
        // A string without a version is of the time before there were versions.
        let version = Version::try_from(phc.version.unwrap_or(Version::V0x10.into()))
            .map_err(|_| UnusableHash::Malformed)?;
        if phc.salt.is_none() || phc.hash.is_none_or(|hash| hash.len() < SHORTEST_OUTPUT) {
            return Err(UnusableHash::Malformed);
        }
        let cost = |name: &str| phc.params.get_decimal(name).ok_or(UnusableHash::Malformed);
        let (memory, passes, lanes) = (cost("m")?, cost("t")?, cost("p")?);
        // `keyid` and `data` name secrets that are not here.
        if phc.params.iter().count() != 3 {
            return Err(UnusableHash::Malformed);
        }
        if memory > COSTLIEST.memory_kib || passes > COSTLIEST.passes || lanes > COSTLIEST.lanes {
            return Err(UnusableHash::TooCostly);
        }
        let params = Params::try_from(&phc).map_err(|_| UnusableHash::Malformed)?;
        Ok(StoredHash { algorithm, version, params, phc })
    }
}

impl StoredHash {
    /// What its password was hashed with.
    pub fn salt(&self) -> &[u8] {
        self.phc.salt.as_ref().map(AsRef::as_ref).unwrap_or_default()
    }
}

const SHORTEST_OUTPUT: usize = 16;
const OUTPUT: usize = 32;
/// The length of our salts, in bytes (RFC 9106 §3.1).
pub const SALT: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Right, and weaker hashed than is configured now: hash it anew.
    RightButWeak,
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// To be answered with 503 and `Retry-After`; says nothing about the password.
    #[error("too many people are signing in at this moment: try again in a few seconds")]
    Busy,
    #[error("the stored password hash cannot be used: {0}")]
    Unusable(#[from] UnusableHash),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable password hash parameters: m from 8 × p to {} (KiB), t from 1 to {}, p from 1 to {}",
    COSTLIEST.memory_kib, COSTLIEST.passes, COSTLIEST.lanes)]
pub struct UnusableParameters;

/// glibc gives a piece of more than 32 MiB its own mapping and returns it to the system when it is freed. What is
/// reserved and never touched takes no memory.
const MAPPED_ALONE: usize = 33 * 1024;

/// Computes at most `permits` hashes at a time, on threads of their own; lets `waiting` more wait.
pub struct Hashing {
    params: Params,
    permits: u32,
    waiting: u32,
    running: Arc<Semaphore>,
    /// For those that run and those that wait.
    places: Arc<Semaphore>,
    pool: Arc<Pool>,
    /// Nobody's hash, with the parameters of everybody's.
    nobody: StoredHash,
}

#[derive(Default)]
struct Pool {
    /// One piece a permit, kept from hash to hash: pages that come fresh from the system make a hash of 14 ms one
    /// of 25, and pieces that each thread allocates for itself pile up in its arena (160 MB instead of 38).
    memory: Mutex<Vec<Vec<Block>>>,
    computed: AtomicU64,
    computed_when_last_idle: AtomicU64,
}

impl Hashing {
    /// Memory in use stays below `permits` × `parameters.memory_kib`, or [`COSTLIEST`] while such a hash is verified.
    pub fn new(parameters: HashParameters, permits: u32, waiting: u32) -> Result<Self, UnusableParameters> {
        let HashParameters { memory_kib, passes, lanes } = parameters;
        if memory_kib > COSTLIEST.memory_kib || passes > COSTLIEST.passes || lanes > COSTLIEST.lanes {
            return Err(UnusableParameters);
        }
        let params = Params::new(memory_kib, passes, lanes, Some(OUTPUT)).map_err(|_| UnusableParameters)?;
        let permits = permits.max(1);
        let nobody = stored(&params, &secret::random::<SALT>(), &secret::random::<OUTPUT>());
        Ok(Hashing {
            params,
            permits,
            waiting,
            running: Arc::new(Semaphore::new(permits as usize)),
            places: Arc::new(Semaphore::new(permits as usize + waiting as usize)),
            pool: Arc::default(),
            nobody,
        })
    }

    /// A PHC string for a password that is right, or needs no judgement.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        self.hash_salted(password, &secret::random()).await
    }

    /// The same for a password that nobody chose, with a salt that only it has.
    pub async fn hash_salted(&self, password: Password, salt: &[u8; SALT]) -> Result<String, HashError> {
        let blank = stored(&self.params, salt, &[0; OUTPUT]);
        let output = self.compute(password, blank.clone()).await?;
        Ok(PasswordHash { hash: Some(output), ..blank.phc }.to_string())
    }

    /// A PHC string for a new password, if `policy` takes it. `about` are facts that a guesser tries first: user
    /// name, mail address, names.
    pub async fn hash_new(
        &self,
        policy: PasswordPolicy,
        chosen: &str,
        about: Vec<String>,
    ) -> Result<Result<String, Unacceptable>, HashError> {
        let password = match Password::typed(chosen) {
            Ok(password) => password,
            Err(too_long) => return Ok(Err(too_long.into())),
        };
        let judged = password.clone();
        match self.run(1, move |_| policy.judge(&judged, &about)).await? {
            Ok(()) => Ok(Ok(self.hash(password).await?)),
            Err(unacceptable) => Ok(Err(unacceptable)),
        }
    }

    /// Whether `password` is the one that `stored` was made of.
    pub async fn verify(&self, password: Password, stored: &str) -> Result<Verdict, HashError> {
        let stored: StoredHash = stored.parse()?;
        let output = self.compute(password, stored.clone()).await?;
        let expected = stored.phc.hash.as_ref().map(Output::as_bytes).unwrap_or_default();
        if !secret::equal(output.as_bytes(), expected) {
            return Ok(Verdict::Wrong);
        }
        Ok(if self.is_weak(&stored) { Verdict::RightButWeak } else { Verdict::Right })
    }

    /// Takes as long as [`Hashing::verify`] does for a user that exists (CVE-2025-54999 and its like).
    pub async fn verify_nothing(&self, password: Password) -> Result<(), HashError> {
        self.compute(password, self.nobody.clone()).await.map(drop)
    }

    /// Whether `stored` deserves a new hash. One that took more work than is configured stays: never downgrade.
    pub fn needs_rehash(&self, stored: &str) -> Result<bool, UnusableHash> {
        Ok(self.is_weak(&stored.parse()?))
    }

    fn is_weak(&self, stored: &StoredHash) -> bool {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let is_current = stored.algorithm == Algorithm::Argon2id && stored.version == Version::V0x13;
        (work(&stored.params), is_current) < (work(&self.params), true)
    }

    /// Whether nobody else may wait.
    pub fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Whether more than half of those wait who may: the other places are for whoever has begun to sign in.
    pub fn is_crowded(&self) -> bool {
        self.places.available_permits() < self.waiting.div_ceil(2) as usize
    }

    /// How many hashes were computed since the start.
    pub fn computed(&self) -> u64 {
        self.pool.computed.load(Ordering::Relaxed)
    }

    /// Gives the memory back to the system if no hash was computed since the last call.
    pub fn release_idle_memory(&self) {
        let computed = self.computed();
        if self.pool.computed_when_last_idle.swap(computed, Ordering::Relaxed) == computed {
            self.release_memory();
        }
    }

    /// Gives the memory back to the system, for whoever knows that no hash follows soon.
    pub fn release_memory(&self) {
        self.pool.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn compute(&self, password: Password, hash: StoredHash) -> Result<Output, HashError> {
        let own_size = self.params.block_count();
        // An imported hash that needs more memory than ours runs alone.
        let weight = if hash.params.block_count() > own_size { self.permits } else { 1 };
        Ok(self.run(weight, move |pool| pool.compute(&password, &hash, own_size)).await??)
    }

    /// Runs slow work on a thread of its own when `weight` permits are free.
    async fn run<T: Send + 'static>(
        &self,
        weight: u32,
        work: impl FnOnce(&Pool) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Busy)?;
        let permit =
            Arc::clone(&self.running).acquire_many_owned(weight).await.map_err(|_| HashError::Busy)?;
        let pool = Arc::clone(&self.pool);
        // The permits go along: whoever hangs up frees nothing before the work is done.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, permit);
            work(&pool)
        });
        // It fails when the runtime is shutting down.
        done.await.map_err(|_| HashError::Busy)
    }
}

impl Pool {
    fn compute(
        &self,
        password: &Password,
        hash: &StoredHash,
        own_size: usize,
    ) -> Result<Output, UnusableHash> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let salt = hash.salt();
        let length = hash.params.output_len().unwrap_or(OUTPUT);
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or(UnusableHash::Malformed)?;
        let argon2 = Argon2::new(hash.algorithm, hash.version, hash.params.clone());
        let needed = hash.params.block_count();
        let mut memory = if needed <= own_size { self.lend() } else { Vec::new() };
        if memory.len() < needed {
            let size = needed.max(own_size);
            memory.reserve_exact(size.max(MAPPED_ALONE));
            memory.resize(size, Block::new());
        }
        let hashed = argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory);
        if memory.len() == own_size {
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        }
        hashed.map_err(|_| UnusableHash::Malformed)?;
        Output::new(output).map_err(|_| UnusableHash::Malformed)
    }

    fn lend(&self) -> Vec<Block> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

/// Argon2id with our parameters. The parts have lengths that the PHC format takes.
fn stored(params: &Params, salt: &[u8; SALT], output: &[u8; OUTPUT]) -> StoredHash {
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("three numbers fit into a PHC string"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    };
    StoredHash { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: params.clone(), phc }
}

#[cfg(test)]
mod tests;
