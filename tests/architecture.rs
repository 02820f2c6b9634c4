//! The floors of the house and the doors of its dependencies. Nothing else holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a room may use any lower floor, never its own or a higher one.
const FLOORS: &[&[&str]] = &[
    &["clock", "failpoint", "id", "secret"],
    &["protocol", "cache"],
    &["store", "config"],
    &["outbound"],
    &["keys"],
    &["events"],
    // An ending is recorded in its own transaction, so events lie one floor lower.
    &["revocation"],
    &["tokens", "sign_in", "client_auth", "registration"],
    &["authorization", "grant_types", "logout", "jobs"],
    &["app", "http"],
    &["endpoints", "pages"],
    &["router"],
    &["cli"],
    &["main", "lib"],
];

/// Which files may speak to which dependency: a path below `src/`, or the folder it lies in.
const DOORS: &[(&str, &[&str])] = &[
    // `gatepass try` is an app of its own, with pages that no other room shows.
    ("axum", &["http", "endpoints", "pages", "router", "app", "cli/serve", "cli/try"]),
    ("askama", &["http/page", "pages", "cli/try"]),
    ("sea_orm", &["store"]),
    ("jsonwebtoken", &["keys/jws"]),
    ("openidconnect", &["cli/try"]),
    ("oxide_auth", &["protocol/scope", "authorization", "grant_types"]),
    ("clap", &["cli"]),
    ("reqwest", &["outbound"]),
    ("redis", &["cache/link"]),
    // The API of the demonstration: the server itself shares nothing with the guard but the wire.
    ("gatepass_guard", &["cli/try"]),
];

struct Source {
    /// Below `src/`, without `.rs` and without a closing `/mod`.
    place: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 3, "the sources were found");
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let place = path.strip_prefix(root).unwrap().with_extension("").to_string_lossy().into_owned();
            let place = place.strip_suffix("/mod").unwrap_or(&place).to_owned();
            let text = without_comments(&fs::read_to_string(&path).unwrap());
            sources.push(Source { place, text });
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn room(place: &str) -> &str {
    place.split('/').next().unwrap()
}

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| {
        panic!("the room `{room}` stands on no floor: give it one in tests/architecture.rs")
    })
}

/// Every `crate::a::b`, also inside `crate::{a::b, c}`, as its parts.
fn uses(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        expand(&text[at + "crate::".len()..], &mut Vec::new(), &mut found);
    }
    found
}

fn expand<'t>(mut text: &'t str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let depth = path.len();
    loop {
        text = text.trim_start();
        if let Some(inside) = text.strip_prefix('{') {
            text = inside;
            loop {
                text = expand(text, path, found).trim_start();
                match text.strip_prefix(',') {
                    Some(rest) if !rest.trim_start().starts_with('}') => text = rest,
                    other => {
                        text = other.unwrap_or(text).trim_start();
                        break;
                    }
                }
            }
            text = text.strip_prefix('}').unwrap_or(text);
            break;
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        path.push(text[..end].to_owned());
        text = &text[end..];
        match text.strip_prefix("::") {
            Some(rest) => text = rest,
            None => {
                found.push(path.clone());
                break;
            }
        }
    }
    path.truncate(depth);
    text
}

#[test]
fn the_reader_of_uses_sees_through_braces() {
    let found = uses("use crate::{store::{clients, grants::Grant}, clock};\nlet x = crate::keys::now();");
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["store::clients", "store::grants::Grant", "clock", "keys::now"]);
}

#[test]
fn every_room_uses_only_lower_floors() {
    let mut breaches = Vec::new();
    for source in sources() {
        let own = room(&source.place);
        for path in uses(&source.text) {
            let other = path[0].as_str();
            if other != own && floor(other) >= floor(own) && own != "main" && own != "lib" {
                breaches.push(format!("{} uses crate::{}", source.place, path.join("::")));
            }
        }
    }
    assert!(breaches.is_empty(), "rooms that look up or sideways:\n{}", breaches.join("\n"));
}

#[test]
fn siblings_in_a_folder_form_no_loop() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let places: BTreeSet<String> = sources().iter().map(|source| source.place.clone()).collect();
    for source in sources() {
        let own = room(&source.place).to_owned();
        // The front door opens onto its room; what its siblings take from it is the room's shared types.
        if source.place == own {
            continue;
        }
        for mut path in uses(&source.text.replace("super::", &format!("crate::{own}::"))) {
            if path[0] == own && path.len() > 1 {
                path.truncate(2);
                let target = path.join("/");
                if places.contains(&target) && target != source.place {
                    edges.entry(source.place.clone()).or_default().insert(target);
                }
            }
        }
    }
    for start in edges.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = edges[start].iter().collect();
        while let Some(place) = next.pop() {
            assert_ne!(place, start, "{start} is in a loop of siblings");
            if seen.insert(place) {
                next.extend(edges.get(place).into_iter().flatten());
            }
        }
    }
}

#[test]
fn every_dependency_is_used_behind_its_door() {
    let mut breaches = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources() {
        for (dependency, doors) in DOORS {
            let speaks = source.text.match_indices(dependency).any(|(at, _)| {
                let before = source.text[..at].chars().next_back();
                let after = &source.text[at + dependency.len()..];
                after.starts_with("::")
                    && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if !speaks {
                continue;
            }
            used.insert(*dependency);
            let allowed = doors.iter().any(|door| {
                source.place == *door || source.place.starts_with(&format!("{door}/")) || {
                    door.contains('/') && source.place.starts_with(door)
                }
            });
            if !allowed {
                breaches.push(format!("{} speaks to {dependency}", source.place));
            }
        }
    }
    assert!(breaches.is_empty(), "dependencies outside their door:\n{}", breaches.join("\n"));
}
