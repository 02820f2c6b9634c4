//! File descriptors (setrlimit(2)): each connection takes one, and enough must be left for everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, files, requests to others, and the management listener.
const OTHERS: u64 = 256;

/// Raises the process's limit for `wanted` connections, as far as it may. Returns how many of them there is room for:
/// the next ones take the place of idle ones, before there is no descriptor left to read a file with.
pub fn make_room(wanted: usize) -> usize {
    let needed = (wanted as u64).saturating_add(OTHERS);
    let Rlimit { mut current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < needed) {
        let raised = Some(maximum.map_or(needed, |maximum| maximum.min(needed)));
        if raised > current && setrlimit(Resource::Nofile, Rlimit { current: raised, maximum }).is_ok() {
            current = raised;
        }
    }
    let Some(limit) = current.filter(|limit| *limit < needed) else { return wanted };
    let room = limit.saturating_sub(OTHERS).max(limit / 4).max(1);
    tracing::warn!(
        file_descriptors = limit,
        "only {room} of server.max_connections ({wanted}) are served at once: raise the limit of file \
         descriptors (ulimit -n, LimitNOFILE) to {needed}"
    );
    usize::try_from(room).unwrap_or(wanted)
}
