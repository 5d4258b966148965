//! Building an image from its parts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::release::{self, Otp, ROOT, Release};
use crate::tree::Tree;
use crate::{kernel, libraries};

/// What to build, and from what.
#[derive(Debug)]
pub struct Options {
    /// The release's folder; without one, the shell.
    pub folder: Option<PathBuf>,
    /// Which of several versions in the folder.
    pub version: Option<String>,
    /// Applications added to the shell.
    pub applications: Vec<String>,
    /// Where Erlang/OTP is.
    pub otp: Otp,
    /// The VM.
    pub vm: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// Links modules when the image is built, so that they need not be linked when it boots.
    pub link: Option<Link>,
    /// Words for the image's command line, before `--` the kernel's, after it arguments of `erl`.
    pub words: Vec<String>,
    /// Compress files where it pays.
    pub pack: bool,
    /// Leave debugging information in `.beam` files.
    pub keep_debug: bool,
}

/// Links modules; the file that the VM takes by `--module-cache`.
pub type Link = fn(Vec<Beam>) -> Vec<u8>;

/// Where that file is in an image.
const LINKED: &str = "/boot/modules";

/// A module of the image.
#[derive(Debug)]
pub struct Beam {
    /// Its name.
    pub module: String,
    /// Its file, as it is in the image.
    pub bytes: Vec<u8>,
}

/// What was built.
#[derive(Debug)]
pub struct Summary {
    /// What is in it.
    pub name: String,
    /// How many applications.
    pub applications: usize,
    /// Bytes of the kernel.
    pub kernel: usize,
    /// Bytes of the file system, and of its files before they were packed.
    pub files: (usize, u64),
    /// Bytes of the whole file.
    pub total: usize,
}

/// Builds an image and writes it to `out`. `progress` is told what is being done.
pub fn build(
    options: &Options,
    out: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Summary, Error> {
    let otp = &options.otp;
    let release = match &options.folder {
        Some(folder) => release::folder(folder, options.version.as_deref(), otp)?,
        None => release::shell(otp, &options.applications)?,
    };
    let kernel = fs::read(&options.kernel).map_err(Error::file(&options.kernel))?;
    let mut tree = Tree::new(options.pack, options.keep_debug);
    system(&mut tree);
    for (full, folder) in &release.applications {
        progress(&format!("adding {full}"));
        tree.application(&Path::new(ROOT).join("lib").join(full), folder)?;
    }
    let erts = format!("{ROOT}/lib/erts-{}/ebin", otp.erts_version);
    tree.folder(Path::new(&erts), &otp.preloaded)?;
    for (guest, host) in &release.files {
        tree.file(&Path::new(ROOT).join(guest), host)?;
    }
    if let Some(link) = options.link {
        progress("linking modules");
        let linked = link(std::mem::take(&mut tree.beams));
        tree.bytes(Path::new(LINKED), 0o644, linked);
    }
    let line = command_line(&release, options.link.is_some(), &options.words);
    tree.bytes(Path::new("/boot/cmdline"), 0o644, line.into_bytes());
    progress("adding the VM");
    tree.file(Path::new("/bin/lintel"), &options.vm)?;
    let objects = tree.objects.clone();
    for library in libraries::of(&options.vm, &objects)? {
        progress(&format!("adding {}", library.display()));
        tree.file(&library, &library)?;
    }
    let unpacked = tree.bytes;
    let files = tree.finish();
    progress("writing");
    let image = kernel::join(&options.kernel, &kernel, &files)?;
    fs::write(out, &image).map_err(Error::file(out))?;
    Ok(Summary {
        name: release.name,
        applications: release.applications.len(),
        kernel: image.len() - files.len(),
        files: (files.len(), unpacked),
        total: image.len(),
    })
}

/// Folders and files that programs expect of any system.
fn system(tree: &mut Tree) {
    for (path, permissions) in [
        ("/dev", 0o755),
        ("/etc", 0o755),
        ("/proc", 0o555),
        ("/root", 0o700),
        ("/tmp", 0o1777),
        ("/var/tmp", 0o1777),
    ] {
        tree.directory(path, permissions);
    }
    for (path, text) in [
        (
            "/etc/hosts",
            "127.0.0.1\tlocalhost lintel\n::1\tlocalhost ip6-localhost\n",
        ),
        ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("/etc/group", "root:x:0:\n"),
        ("/etc/nsswitch.conf", "hosts: files dns\n"),
        ("/etc/host.conf", "multi on\n"),
    ] {
        tree.bytes(Path::new(path), 0o644, text.into());
    }
    // `df` is never started: os_mon looks for it, and what it asks for it the VM answers itself.
    for name in ["erl", "erlc", "escript", "df"] {
        tree.symlink(&format!("/bin/{name}"), "lintel");
    }
}

/// The image's own command line. The kernel puts that of whoever boots it behind.
fn command_line(release: &Release, linked: bool, words: &[String]) -> String {
    let mut split = words.splitn(2, |word| word == "--");
    let (options, arguments) = (
        split.next().unwrap_or_default(),
        split.next().unwrap_or_default(),
    );
    let fixed = ["LANG=C.UTF-8", "HOME=/root", "cwd=/root"].map(String::from);
    let mut program = vec!["--", "/bin/lintel", "erl", "--otp-root", ROOT];
    if linked {
        program.extend(["--module-cache", LINKED]);
    }
    let program: Vec<String> = program.into_iter().map(String::from).collect();
    let words: Vec<String> = fixed
        .iter()
        .chain(options)
        .chain(&program)
        .chain(&release.arguments)
        .chain(arguments)
        .map(|word| quoted(word))
        .collect();
    words.join(" ")
}

/// A word as the kernel's command line holds it.
pub(crate) fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '\n', '"', '\\']) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_put_where_they_belong() {
        let release = Release {
            arguments: vec!["-boot".into(), "/otp/start".into()],
            ..Release::default()
        };
        let words = ["quiet", "--", "-eval", "io:put_chars(\"a b\")."].map(String::from);
        assert_eq!(
            command_line(&release, false, &words),
            "LANG=C.UTF-8 HOME=/root cwd=/root quiet -- /bin/lintel erl --otp-root /otp -boot /otp/start \
             -eval \"io:put_chars(\\\"a b\\\").\""
        );
    }
}
