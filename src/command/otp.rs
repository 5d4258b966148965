//! Where Erlang/OTP is: never part of Lintel, always found at run time.

use std::path::{Path, PathBuf};

/// An installed Erlang/OTP.
#[derive(Debug, Clone)]
pub struct Otp {
    /// Its root: `lib` and `releases` stand below it.
    pub root: PathBuf,
    /// The version of its run-time system, such as `13.1.5`.
    pub erts_version: String,
    /// The folder of the preloaded modules.
    pub preloaded: PathBuf,
}

impl Otp {
    /// Finds it: as given, else by `LINTEL_OTP`, else by the `erl` on the PATH.
    pub fn find(given: Option<PathBuf>) -> Result<Otp, String> {
        if let Some(root) = given {
            return Otp::at(&root).ok_or_else(|| not_there("--otp-root", &root));
        }
        if let Some(root) = std::env::var_os("LINTEL_OTP").map(PathBuf::from) {
            return Otp::at(&root).ok_or_else(|| not_there("LINTEL_OTP", &root));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .filter_map(|directory| directory.join("erl").canonicalize().ok())
            // The script stands in ROOT/bin, or in ROOT/erts-*/bin.
            .find_map(|erl| erl.ancestors().skip(2).take(2).find_map(Otp::at))
            .or_else(|| Otp::at(Path::new("/usr/lib/erlang")))
            .ok_or_else(|| {
                "Erlang/OTP was not found. Install it (on Debian: apt-get install erlang-base), or say where it is \
                 with LINTEL_OTP=/path/to/erlang (the folder that has lib/ and releases/ in it)."
                    .into()
            })
    }

    fn at(root: &Path) -> Option<Otp> {
        let versions = |directory: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            let mut found: Vec<String> = entries
                .filter_map(|entry| {
                    entry
                        .file_name()
                        .to_str()?
                        .strip_prefix("erts-")
                        .map(str::to_owned)
                })
                .collect();
            found.sort_by_key(|version| {
                version
                    .split('.')
                    .map(|part| part.parse().unwrap_or(0))
                    .collect::<Vec<u32>>()
            });
            found
        };
        let lib = root.join("lib");
        let erts_version = versions(&lib).pop().or_else(|| versions(root).pop())?;
        let candidates = [
            lib.join(format!("erts-{erts_version}/ebin")),
            root.join(format!("erts-{erts_version}/ebin")),
        ];
        let preloaded = candidates
            .into_iter()
            .find(|folder| folder.join("init.beam").exists())?;
        Some(Otp {
            root: root.to_owned(),
            erts_version,
            preloaded,
        })
    }

    /// Where the stock programs are.
    pub fn bindir(&self) -> PathBuf {
        self.root.join(format!("erts-{}/bin", self.erts_version))
    }
}

fn not_there(source: &str, root: &Path) -> String {
    format!(
        "{source}: {} has no lib/erts-*/ebin/init.beam: it is not the root of an Erlang/OTP",
        root.display()
    )
}
