//! Settings in environment variables: `GATEPASS_SECTION__SETTING`, and for a secret also
//! `GATEPASS_SECTION__SETTING_FILE`, which names a file that holds it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::complaint::Origin;
use super::layers::{Layers, Written, chmod, readable_by_everybody};
use super::setting::Setting;

const PREFIX: &str = "GATEPASS_";
/// A secret is a line of text, not a disk image.
const LONGEST_SECRET: u64 = 64 * 1024;

pub(super) fn add(layers: &mut Layers, variables: &[(OsString, OsString)], settings: &[&'static Setting]) {
    let ours: BTreeMap<&str, &OsStr> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    for (name, value) in &ours {
        let origin = Origin::Variable((*name).to_owned());
        let direct = settings.iter().find(|setting| setting.variable() == *name);
        let by_file = settings.iter().find(|setting| setting.secret && setting.file_variable() == *name);
        match (direct, by_file) {
            (Some(setting), _) => match value.to_str() {
                Some(text) => layers.add(&setting.key(), origin, Written::Text(text.to_owned())),
                None => layers.complain(&setting.key(), origin, "this is not UTF-8", setting.right),
            },
            (None, Some(setting)) if ours.contains_key(setting.variable().as_str()) => {
                let wrong = format!("{} is set too", setting.variable());
                layers.complain(&setting.key(), origin, wrong, "set one of the two");
            }
            (None, Some(setting)) => add_secret_file(layers, setting, name, Path::new(value)),
            (None, None) => {
                let right = format!(
                    "write {PREFIX}SECTION__SETTING with a setting of `gatepass config example`, and for a secret \
                     also {PREFIX}SECTION__SETTING_FILE"
                );
                layers.complain(name, origin, "no setting is called so", right);
            }
        }
    }
}

fn add_secret_file(layers: &mut Layers, setting: &Setting, variable: &str, path: &Path) {
    let origin = Origin::SecretFile { variable: variable.to_owned(), path: path.to_owned() };
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(LONGEST_SECRET).read_to_string(&mut text)) {
        Err(error) => {
            let right = "name a file that holds the secret and that this user may read";
            layers.complain(&setting.key(), origin, format!("it cannot be read: {error}"), right);
        }
        Ok(_) if readable_by_everybody(path) => {
            let wrong = "this secret stands in a file that everybody may read";
            layers.complain(&setting.key(), origin, wrong, chmod(path));
        }
        Ok(_) => {
            // Editors and `echo` close a file with a line break.
            let secret = text.trim_end_matches(['\r', '\n']).to_owned();
            layers.add(&setting.key(), origin, Written::Text(secret));
        }
    }
}
