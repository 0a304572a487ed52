//! Packs an executable as Lambda wants it: a zip that holds one file, `bootstrap`.
//!
//! The same executable always gives the same bytes (fixed date and rights), and one that has not changed is not
//! packed again: its size and date are part of the package's file name.

use std::fs::{self, File};
use std::io::{BufWriter, copy};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::build::Binary;

/// A function's package.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// The function's name.
    pub(crate) function: String,
    /// The zip.
    pub(crate) path: PathBuf,
}

/// Compression for packages that stay on this machine: quick.
pub(crate) const QUICK: i64 = 1;
/// Compression for packages whose size counts: what other tools use by default.
pub(crate) const SMALL: i64 = 6;

/// Packs every executable into `folder`.
pub(crate) fn all(binaries: &[Binary], folder: &Path, level: i64) -> Result<Vec<Package>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    std::thread::scope(|scope| {
        let packing: Vec<_> = binaries
            .iter()
            .map(|binary| scope.spawn(|| pack(binary, folder, level)))
            .collect();
        packing
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// What all the packages are, in a few characters: another code, another value.
pub(crate) fn fingerprint(packages: &[Package]) -> String {
    let mut hash = Sha256::new();
    for package in packages {
        hash.update(
            package
                .path
                .file_name()
                .map(|name| name.as_encoded_bytes().to_vec())
                .unwrap_or_default(),
        );
        hash.update(b"\n");
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn pack(binary: &Binary, folder: &Path, level: i64) -> Result<Package> {
    let function = &binary.function;
    let about = fs::metadata(&binary.path)
        .with_context(|| format!("cannot read {}", binary.path.display()))?;
    let changed = about.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    let path = folder.join(format!("{function}@{:x}-{changed:x}.zip", about.len()));
    if !path.exists() {
        remove_earlier(function, folder)?;
        let partial = folder.join(format!("{function}.partial-{}", std::process::id()));
        write(&binary.path, &partial, level).with_context(|| format!("cannot pack {function}"))?;
        fs::rename(&partial, &path).context("cannot name a package")?;
    }
    Ok(Package {
        function: function.clone(),
        path,
    })
}

fn write(binary: &Path, zip: &Path, level: i64) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(BufWriter::new(File::create(zip)?));
    writer.start_file("bootstrap", options)?;
    copy(&mut File::open(binary)?, &mut writer)?;
    writer.finish()?;
    Ok(())
}

fn remove_earlier(function: &str, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_earlier = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&format!("{function}@")));
        if is_earlier {
            // Another command may have removed it first.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_executable_gives_the_same_package() {
        let folder = tempfile::tempdir().expect("a folder");
        let binary = folder.path().join("executable");
        fs::write(&binary, [7; 100_000]).expect("a file");
        let zips = ["one", "two"].map(|name| folder.path().join(name));
        for zip in &zips {
            write(&binary, zip, QUICK).expect("a package");
        }
        assert_eq!(
            fs::read(&zips[0]).expect("a zip"),
            fs::read(&zips[1]).expect("a zip")
        );
    }

    #[test]
    fn a_changed_executable_replaces_its_package_and_changes_the_fingerprint() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("executable");
        let binaries = [Binary {
            function: "charge-payment".to_owned(),
            path: path.clone(),
        }];
        let zips = folder.path().join("zips");
        fs::write(&path, [7; 10]).expect("a file");
        let before = all(&binaries, &zips, QUICK).expect("packages");
        assert_eq!(
            fingerprint(&before),
            fingerprint(&all(&binaries, &zips, QUICK).expect("packages"))
        );
        fs::write(&path, [7; 11]).expect("a file");
        let after = all(&binaries, &zips, QUICK).expect("packages");
        assert_ne!(fingerprint(&before), fingerprint(&after));
        assert_eq!(fs::read_dir(&zips).expect("a folder").count(), 1);
    }
}
