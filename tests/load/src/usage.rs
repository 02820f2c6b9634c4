//! What a process costs, from the kernel's accounting (proc(5)).

use std::collections::HashMap;
use std::time::Duration;
use std::{fs, io};

/// What the kernel has counted for a process and its children.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub resident_bytes: u64,
}

/// Of `/proc/[pid]/stat`: USER_HZ, which Linux fixes at 100 for programs.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// Of the process and all that descend from it.
    pub fn of(root: u32) -> io::Result<Usage> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some(parent) = fields(&stat).nth(1).and_then(|parent| parent.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut usage = Usage::default();
        let mut waiting = vec![root];
        while let Some(pid) = waiting.pop() {
            waiting.extend(children.get(&pid).into_iter().flatten());
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let ticks: u32 =
                fields(&stat).skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
            usage.cpu += TICK * ticks;
            usage.resident_bytes += resident(pid).unwrap_or(0);
        }
        Ok(usage)
    }
}

/// The fields of `/proc/[pid]/stat` behind the name, which may hold anything: the first is the state.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
