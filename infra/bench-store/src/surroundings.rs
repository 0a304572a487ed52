//! When, where and with what was measured.

use std::collections::BTreeMap;

use serde::Serialize;

/// The versions that this program was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

const PACKAGES: [&str; 5] = [
    "aws-sdk-dynamodb",
    "cqrs-es",
    "dynamo-es",
    "dynoxide-rs",
    "event-store-adapter-rs",
];

/// The head of a result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Surroundings {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) system: String,
    pub(crate) endpoint: String,
    pub(crate) versions: BTreeMap<&'static str, &'static str>,
}

impl Surroundings {
    /// Those of this run.
    pub(crate) fn now(endpoint: Option<&str>) -> Self {
        Self {
            date: time::OffsetDateTime::now_utc().date().to_string(),
            cpu: cpu().unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, Into::into),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            endpoint: endpoint
                .unwrap_or("embedded (dynoxide, in this process)")
                .to_owned(),
            versions: PACKAGES.iter().filter_map(|name| version(name)).collect(),
        }
    }

    /// The same as one line for people.
    pub(crate) fn line(&self) -> String {
        let versions = self
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"));
        format!(
            "{} · {}, {} cores, {} · {}\n{}",
            self.date,
            self.cpu,
            self.cores,
            self.system,
            self.endpoint,
            versions.collect::<Vec<_>>().join(" · ")
        )
    }
}

fn version(name: &'static str) -> Option<(&'static str, &'static str)> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some((name, rest.split_once('"')?.0))
}

/// The processor's name, where the system tells it in a file.
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version() {
        let surroundings = Surroundings::now(None);
        assert_eq!(surroundings.versions.len(), PACKAGES.len());
        assert!(surroundings.versions["dynamo-es"].starts_with("0.5."));
    }
}
