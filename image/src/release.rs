//! What belongs to a release: its applications, its boot script, its settings.
//!
//! In the image everything lies below [`ROOT`], as it would in an installed Erlang/OTP: `lib/NAME-VERSION`,
//! `releases/VERSION`, `bin`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Erlang's root in an image.
pub const ROOT: &str = "/otp";

/// The OTP that system applications and the preloaded modules come from.
#[derive(Clone, Debug)]
pub struct Otp {
    /// Its root: `lib` stands below it.
    pub root: PathBuf,
    /// The version of its run-time system.
    pub erts_version: String,
    /// The folder of the preloaded modules.
    pub preloaded: PathBuf,
}

/// A release, found.
#[derive(Debug, Default)]
pub struct Release {
    /// What it is called, for messages.
    pub name: String,
    /// Folders of applications, by `NAME-VERSION`.
    pub applications: BTreeMap<String, PathBuf>,
    /// Single files: the path in the image, and the file.
    pub files: Vec<(String, PathBuf)>,
    /// Arguments of `erl`.
    pub arguments: Vec<String>,
}

/// The plain shell: kernel and stdlib, the applications named, and what those depend on.
pub fn shell(otp: &Otp, names: &[String]) -> Result<Release, Error> {
    let mut release = Release {
        name: "the Erlang shell".into(),
        ..Release::default()
    };
    let mut wanted: Vec<String> = ["kernel", "stdlib"].map(String::from).to_vec();
    wanted.extend(names.iter().cloned());
    while let Some(name) = wanted.pop() {
        let (full, folder) = installed(otp, &name)?;
        if release.applications.contains_key(&full) {
            continue;
        }
        let resource = folder.join(format!("ebin/{name}.app"));
        let text = fs::read_to_string(&resource).map_err(Error::file(&resource))?;
        release.applications.insert(full, folder);
        wanted.extend(dependencies(&text));
    }
    for script in ["start_clean.boot", "no_dot_erlang.boot"] {
        let file = otp.root.join("bin").join(script);
        if file.exists() {
            release.files.push((format!("bin/{script}"), file));
        }
    }
    let start = ["bin/start.boot", "bin/start_clean.boot"]
        .into_iter()
        .map(|file| otp.root.join(file))
        .find(|file| file.exists())
        .ok_or_else(|| Error::format(&otp.root, "it has no bin/start.boot"))?;
    release.files.push(("bin/start.boot".into(), start));
    Ok(release)
}

/// An installed application's `NAME-VERSION` and folder; the newest of several.
fn installed(otp: &Otp, name: &str) -> Result<(String, PathBuf), Error> {
    let lib = otp.root.join("lib");
    let version = |full: &str| -> Vec<u32> {
        let text = full.rsplit('-').next().unwrap_or(full);
        text.split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    };
    names(&lib)?
        .into_iter()
        .filter(|full| full.rsplit_once('-').is_some_and(|(app, _)| app == name))
        .filter(|full| lib.join(full).join("ebin").is_dir())
        .max_by_key(|full| version(full))
        .map(|full| (full.clone(), lib.join(full)))
        .ok_or_else(|| {
            Error::Request(format!(
                "{} has no application {name}. (Debian has most in packages of their own: erlang-{})",
                lib.display(),
                name.replace('_', "-")
            ))
        })
}

/// The names in an `.app` file's list `applications`.
fn dependencies(resource: &str) -> Vec<String> {
    let code: String = resource
        .lines()
        .map(|line| line.split('%').next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join(" ");
    let Some((_, rest)) = code.split_once("applications").and_then(|(before, rest)| {
        // Not `included_applications` or `optional_applications`.
        match before.ends_with('_') {
            false => Some((before, rest)),
            true => rest.split_once("{applications"),
        }
    }) else {
        return Vec::new();
    };
    let list = rest
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    list.map_or_else(Vec::new, |(list, _)| {
        list.split(',')
            .map(|name| name.trim().trim_matches('\'').to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    })
}

/// A release folder, as `rebar3 release`, `mix release` or `reltool` make it. `version` chooses among several.
pub fn folder(root: &Path, version: Option<&str>, otp: &Otp) -> Result<Release, Error> {
    let releases = root.join("releases");
    if !releases.is_dir() {
        return Err(Error::format(
            root,
            "no release: it has no folder `releases`. (A release is what `rebar3 release` leaves in \
             _build/default/rel/NAME, and `mix release` in _build/prod/rel/NAME.)",
        ));
    }
    let (erts, version) = match version {
        Some(version) => (None, version.to_owned()),
        None => chosen(&releases)?,
    };
    if let Some(erts) = erts.filter(|erts| *erts != otp.erts_version) {
        return Err(Error::format(
            root,
            format!(
                "the release was made for erts {erts}, but the OTP in {} has erts {}. Name another with --otp-root",
                otp.root.display(),
                otp.erts_version
            ),
        ));
    }
    let own = releases.join(&version);
    let boot = ["start", "start_clean"]
        .iter()
        .map(|name| own.join(format!("{name}.boot")))
        .chain(files(&own, "boot"))
        .find(|file| file.exists())
        .ok_or_else(|| Error::format(&own, "it has no boot script (start.boot)"))?;
    let mut release = Release {
        name: format!("{} {version}", root.display()),
        ..Release::default()
    };
    let lib = root.join("lib");
    for full in names(&lib).unwrap_or_default() {
        if lib.join(&full).join("ebin").is_dir() {
            release.applications.insert(full.clone(), lib.join(full));
        }
    }
    // What the boot script names and the release does not hold comes from OTP.
    let script = fs::read(&boot).map_err(Error::file(&boot))?;
    for full in named(&script) {
        let system = otp.root.join("lib").join(&full);
        if release.applications.contains_key(&full) {
            continue;
        }
        if !system.is_dir() {
            return Err(Error::format(
                &boot,
                format!(
                    "it names {full}, which is neither in the release nor in {}",
                    otp.root.display()
                ),
            ));
        }
        release.applications.insert(full, system);
    }
    let guest = format!("releases/{version}");
    for name in names(&own)? {
        if own.join(&name).is_file() {
            release
                .files
                .push((format!("{guest}/{name}"), own.join(name)));
        }
    }
    let script = boot
        .file_stem()
        .map_or("start".into(), |stem| stem.to_string_lossy());
    let at = |name: &str| format!("{ROOT}/{guest}/{name}");
    let mut add = |words: &[String]| release.arguments.extend_from_slice(words);
    add(&["-boot".into(), at(&script)]);
    add(&[
        "-boot_var".into(),
        "RELEASE_LIB".into(),
        format!("{ROOT}/lib"),
    ]);
    if own.join("sys.config").exists() {
        add(&["-config".into(), at("sys")]);
    }
    if own.join("vm.args").exists() {
        add(&["-args_file".into(), at("vm.args")]);
    }
    Ok(release)
}

/// The run-time system's version and the release's, as `start_erl.data` tells, or the only folder there is.
fn chosen(releases: &Path) -> Result<(Option<String>, String), Error> {
    let data = releases.join("start_erl.data");
    if let Ok(text) = fs::read_to_string(&data) {
        let mut words = text.split_whitespace().map(str::to_owned);
        if let (Some(erts), Some(version)) = (words.next(), words.next()) {
            return Ok((Some(erts), version));
        }
    }
    let mut versions: Vec<String> = names(releases)?
        .into_iter()
        .filter(|name| files(&releases.join(name), "boot").next().is_some())
        .collect();
    match (versions.pop(), versions.is_empty()) {
        (Some(version), true) => Ok((None, version)),
        (None, _) => Err(Error::format(
            releases,
            "no version in it has a boot script",
        )),
        (Some(_), false) => Err(Error::format(
            releases,
            "it has several versions and no start_erl.data; choose one with --release",
        )),
    }
}

/// The `NAME-VERSION` of every `…/lib/NAME-VERSION/ebin` that a boot script names.
fn named(script: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(script);
    let mut found: Vec<String> = text
        .split("/lib/")
        .skip(1)
        .filter_map(|rest| rest.split_once("/ebin"))
        .map(|(full, _)| full.to_owned())
        .filter(|full| !full.contains('/') && full.chars().all(|c| c.is_ascii_graphic()))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let entry = entry.map_err(Error::file(folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// The files of a folder with an extension.
fn files(folder: &Path, extension: &str) -> impl Iterator<Item = PathBuf> {
    let extension = extension.to_owned();
    let all = names(folder).unwrap_or_default();
    let folder = folder.to_owned();
    all.into_iter()
        .map(move |name| folder.join(name))
        .filter(move |file| {
            file.extension()
                .is_some_and(|e| e.to_string_lossy() == extension)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_a_resource_file() {
        let text = "{application, a, [{vsn, \"1\"}, % applications\n {included_applications, [x]},\n \
                    {applications, [kernel, stdlib,\n 'B']}, {env, []}]}.";
        assert_eq!(dependencies(text), ["kernel", "stdlib", "B"]);
        assert!(dependencies("{application, a, []}.").is_empty());
    }

    #[test]
    fn a_boot_script_names_applications() {
        let script = b"\x83k\0\x1f$ROOT/lib/kernel-8.5.3/ebink\0\x10$ROOT/lib/my_app-0.1.0/ebinj\
                       $ROOT/lib/kernel-8.5.3/ebin";
        assert_eq!(named(script), ["kernel-8.5.3", "my_app-0.1.0"]);
    }
}
