//! Checkpoints of rebuilds as files, one for each.
//!
//! A file is replaced as a whole, so a crash leaves the old one or the new one. It is not forced to
//! the disk: after a power cut an older checkpoint costs a page that is applied again, or the start.

use std::path::PathBuf;

use event_store::rebuild::{Checkpoint, Checkpoints};
use ports::{Soon, Unavailable};

use crate::state;

/// Checkpoints in a folder.
#[derive(Debug, Clone)]
pub(crate) struct FileCheckpoints(PathBuf);

impl FileCheckpoints {
    /// The folder need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let file: String = name.chars().map(plain).collect();
        self.0.join(format!("{file}.json"))
    }
}

fn broken(error: anyhow::Error) -> Unavailable {
    Unavailable::new("the checkpoint's file", error).again(Soon::Unlikely)
}

impl Checkpoints for FileCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Checkpoint>, Unavailable> {
        match std::fs::read(self.path(name)) {
            Ok(bytes) => {
                let checkpoint = serde_json::from_slice(&bytes);
                checkpoint.map(Some).map_err(|error| broken(error.into()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(broken(error.into())),
        }
    }

    async fn save(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        let json = serde_json::to_vec(checkpoint).map_err(|error| broken(error.into()))?;
        state::replace(&self.path(name), &json).map_err(broken)
    }

    async fn clear(&self, name: &str) -> Result<(), Unavailable> {
        state::remove_file(&self.path(name)).map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_checkpoint_is_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = FileCheckpoints::new(folder.path().join("rebuilds"));
        let name = "order http://localhost:4566 events views";
        assert_eq!(kept.load(name).await.expect("readable"), None);
        for commits in [1, 2] {
            let checkpoint = Checkpoint {
                commits,
                ..Checkpoint::default()
            };
            kept.save(name, &checkpoint).await.expect("saved");
            let again = FileCheckpoints::new(folder.path().join("rebuilds"));
            assert_eq!(again.load(name).await.expect("readable"), Some(checkpoint));
        }
        let other = kept.load("order http://localhost:4566 events other").await;
        assert_eq!(other.expect("readable"), None);
        for _ in 0..2 {
            kept.clear(name).await.expect("gone");
            assert_eq!(kept.load(name).await.expect("readable"), None);
        }
    }

    #[tokio::test]
    async fn a_damaged_checkpoint_is_no_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = FileCheckpoints::new(folder.path().to_owned());
        std::fs::write(folder.path().join("name.json"), "{").expect("written");
        let error = kept.load("name").await.expect_err("damaged");
        assert_eq!(error.soon, Soon::Unlikely);
    }
}
