//! The image's file system: files gathered, trimmed and packed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use imagefs::Builder;
use lz4::block::CompressionMode;

use crate::build::Beam;
use crate::error::Error;
use crate::{beam, elf};

/// How hard to search for repetitions: the most that LZ4 offers; unpacking is not slower for it.
const EFFORT: i32 = 12;
/// Files below this size stay as they are: they are little, and read in place.
const PACK_FROM: usize = 512;
/// A file is packed when at least this part of it is saved (one in so many bytes).
const WORTH: usize = 8;

/// A tree under construction.
pub struct Tree {
    builder: Builder,
    pack: bool,
    keep_debug: bool,
    /// Bytes of all files, as they will be read.
    pub bytes: u64,
    /// Modules that were added.
    pub beams: Vec<Beam>,
    /// Shared objects that were added.
    pub objects: Vec<PathBuf>,
}

impl Tree {
    /// An empty one. `pack`: compress where it pays; `keep_debug`: leave `.beam` files whole.
    pub fn new(pack: bool, keep_debug: bool) -> Tree {
        Tree {
            builder: Builder::new(),
            pack,
            keep_debug,
            bytes: 0,
            beams: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// An empty folder.
    pub fn directory(&mut self, guest: &str, permissions: u32) {
        self.builder.directory(guest.as_bytes(), permissions, 0);
    }

    /// A symbolic link.
    pub fn symlink(&mut self, guest: &str, target: &str) {
        self.builder.symlink(guest.as_bytes(), target.as_bytes(), 0);
    }

    /// A file with these contents. All times are 0: images of the same things are the same.
    pub fn bytes(&mut self, guest: &Path, permissions: u32, bytes: Vec<u8>) {
        self.bytes += bytes.len() as u64;
        let path = guest.as_os_str().as_bytes();
        let packed = |chunk: &[u8]| {
            lz4::block::compress(chunk, Some(CompressionMode::HIGHCOMPRESSION(EFFORT)), false).ok()
        };
        if self.pack && bytes.len() >= PACK_FROM {
            let mut saved = 0;
            let mut pack = |chunk: &[u8]| {
                let block =
                    packed(chunk).filter(|b| b.len() < chunk.len() - chunk.len() / WORTH)?;
                saved += chunk.len() - block.len();
                Some(block)
            };
            self.builder
                .packed_file(path, permissions, 0, &bytes, &mut pack);
            if saved > 0 {
                return;
            }
        }
        self.builder.file(path, permissions, 0, bytes);
    }

    /// A file of this machine, trimmed as its kind allows.
    pub fn file(&mut self, guest: &Path, host: &Path) -> Result<(), Error> {
        let mut bytes = fs::read(host).map_err(Error::file(host))?;
        let extension = host.extension().and_then(|e| e.to_str());
        let mut permissions = 0o644;
        if elf::is_elf(&bytes) {
            permissions = 0o755;
            if extension == Some("so") {
                self.objects.push(host.to_owned());
            }
            bytes = elf::trimmed(bytes);
        } else if extension == Some("beam") && !self.keep_debug {
            bytes = beam::stripped(bytes);
        } else if bytes.starts_with(b"#!") {
            permissions = 0o755;
        }
        if extension == Some("beam") && beam::is_plain(&bytes) {
            let module = host.file_stem().unwrap_or_default();
            self.beams.push(Beam {
                module: module.to_string_lossy().into_owned(),
                bytes: bytes.clone(),
            });
        }
        self.bytes(guest, permissions, bytes);
        Ok(())
    }

    /// A folder of this machine with all that is in it. Links are followed.
    pub fn folder(&mut self, guest: &Path, host: &Path) -> Result<(), Error> {
        self.builder
            .directory(guest.as_os_str().as_bytes(), 0o755, 0);
        let mut entries = fs::read_dir(host)
            .map_err(Error::file(host))?
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::file(host))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (guest, host) = (guest.join(entry.file_name()), entry.path());
            let meta = fs::metadata(&host).map_err(Error::file(&host))?;
            if meta.is_dir() {
                self.folder(&guest, &host)?;
            } else if meta.is_file() {
                self.file(&guest, &host)?;
            }
        }
        Ok(())
    }

    /// What of an application a running system reads: `ebin` and `priv`.
    pub fn application(&mut self, guest: &Path, host: &Path) -> Result<(), Error> {
        for part in ["ebin", "priv"] {
            let folder = host.join(part);
            if folder.is_dir() {
                self.folder(&guest.join(part), &folder)?;
            }
        }
        Ok(())
    }

    /// The file system's bytes.
    pub fn finish(self) -> Vec<u8> {
        self.builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imagefs::{Image, Kind};

    #[test]
    fn packed_files_are_unpacked_to_what_they_were() {
        let text: Vec<u8> = (0..400_000u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        let mut tree = Tree::new(true, false);
        tree.bytes(Path::new("/a/file"), 0o644, text.clone());
        let bytes = tree.finish();
        assert!(bytes.len() < text.len());
        let image = Image::open(&bytes).expect("an image");
        let Kind::Packed(packed) = image.node(image.find(b"/a/file").expect("the file")).kind
        else {
            panic!("it is not packed");
        };
        let mut unpacked = Vec::new();
        for n in 0..packed.count() {
            let (block, len) = packed.chunk(n);
            let mut chunk = vec![0; len];
            if block.len() == len {
                chunk.copy_from_slice(block);
            } else {
                let got = lz4_flex::block::decompress_into(block, &mut chunk);
                assert_eq!(got.expect("a block"), len);
            }
            unpacked.extend(chunk);
        }
        assert!(unpacked == text);
    }
}
