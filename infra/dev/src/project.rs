//! Where things are in the checkout.
//!
//! The root is found from the working directory upwards, not from where the tool was compiled: a copied or moved
//! checkout then still works with the binary it has.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A checkout of the project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the checkout that holds the working directory.
    pub(crate) fn find() -> Result<Self> {
        let start = std::env::current_dir().context("cannot tell the working directory")?;
        let is_root =
            |dir: &Path| dir.join("Cargo.lock").is_file() && dir.join("functions").is_dir();
        match start.ancestors().find(|dir| is_root(dir)) {
            Some(root) => Ok(Self {
                root: root.to_owned(),
            }),
            None => bail!(
                "{} is in no checkout of this project: run `cargo dev` inside one",
                start.display()
            ),
        }
    }

    /// The checkout's top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The ignored folder in which everything lives that `cargo dev` makes.
    pub(crate) fn local(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// The names of all functions, in order: each is a folder, a crate and a binary.
    pub(crate) fn functions(&self) -> Result<Vec<String>> {
        let folder = self.path("functions");
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The functions of these names, or all if none is given.
    pub(crate) fn functions_named(&self, wanted: &[String]) -> Result<Vec<String>> {
        let known = self.functions()?;
        if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
            bail!(
                "there is no function {unknown}; there are: {}",
                known.join(", ")
            );
        }
        Ok(if wanted.is_empty() {
            known
        } else {
            wanted.to_vec()
        })
    }
}
