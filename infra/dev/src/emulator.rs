//! Starts and stops MiniStack, the emulator of the AWS services.
//!
//! It runs with `AUTH=true`: the functions' roles are enforced, so a missing permission fails here and not on AWS.
//! Its environment is made, not inherited: `AWS_ENDPOINT_URL` is what keeps the functions that it starts from calling
//! the real AWS, and MiniStack itself is steered by dozens of variables, such as `PERSIST_STATE`, that somebody may
//! have set for another project.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use crate::cloud::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::http;
use crate::progress::Step;
use crate::tools::Venv;

const SCRIPT: &str = include_str!("emulator.py");
/// An argument that tells this emulator from whatever else has its process number later.
const MARK: &str = "started-by-cargo-dev";
/// What it has from this process's environment: enough to find its programs and libraries, and to speak.
const INHERITED: [&str; 6] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
];
const PORT_USUAL: u16 = 4566;
const READY_MS_MAX: u64 = 30_000;
const STARTS_MAX: usize = 3;

/// How long the emulator lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Until `cargo dev down`.
    UntilDown,
    /// As long as this process, whatever ends it.
    WithParent,
}

/// Which port the emulator listens on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Port {
    /// This one, or none.
    Given(u16),
    /// The usual one if it is free.
    Usual,
    /// Any free one.
    Free,
}

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    /// Where it answers.
    pub(crate) endpoint: String,
    /// The process, which is also its process group.
    pub(crate) pid: u32,
    /// Held for [`Lifetime::WithParent`]: the process watches its standard input.
    child: Child,
}

impl Emulator {
    /// Starts an emulator whose files are in `folder`, and waits until it answers. `remember` is called as soon as the
    /// process is there, so that it can be found and ended if this process does not live to see it answer.
    pub(crate) async fn start(
        venv: &Venv,
        folder: &Path,
        port: Port,
        lifetime: Lifetime,
        remember: impl Fn(&Self) -> Result<()>,
    ) -> Result<Self> {
        let step = Step::start("Starting the emulator");
        let mut starts = 1;
        loop {
            let port_now = choose(port)?;
            let log = folder.join("emulator.log");
            let mut emulator = Self::spawn(venv, folder, &log, port_now, lifetime)?;
            if let Err(error) = remember(&emulator) {
                emulator.kill();
                return Err(error);
            }
            match emulator.until_ready(&log).await {
                Ok(()) => {
                    step.done(&emulator.endpoint);
                    return Ok(emulator);
                }
                // Between choosing a free port and binding it, somebody else may have taken it.
                Err(_) if !matches!(port, Port::Given(_)) && starts < STARTS_MAX => starts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(
        venv: &Venv,
        folder: &Path,
        log_path: &Path,
        port: u16,
        lifetime: Lifetime,
    ) -> Result<Self> {
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary)
            .with_context(|| format!("cannot create {}", temporary.display()))?;
        let log = File::create(log_path)
            .with_context(|| format!("cannot create {}", log_path.display()))?;
        let endpoint = format!("http://localhost:{port}");
        let watched = if lifetime == Lifetime::WithParent {
            "watched"
        } else {
            "detached"
        };
        let mut command = Command::new(venv.python());
        let inherited = INHERITED.map(|name| std::env::var_os(name).map(|value| (name, value)));
        command
            .env_clear()
            .envs(inherited.into_iter().flatten())
            .args(["-c", SCRIPT, watched, MARK])
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("MINISTACK_REGION", REGION)
            .env("AUTH", "true")
            .env("LAMBDA_EXECUTOR", "local")
            .env("TMPDIR", &temporary)
            .stdout(log.try_clone().context("cannot share the log file")?)
            .stderr(log)
            .stdin(if lifetime == Lifetime::WithParent {
                Stdio::piped()
            } else {
                Stdio::null()
            });
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", venv.python().display()))?;
        Ok(Self {
            endpoint,
            pid: child.id(),
            child,
        })
    }

    async fn until_ready(&mut self, log: &Path) -> Result<()> {
        let url = health_url(&self.endpoint);
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(READY_MS_MAX) {
            if let Some(status) = self.child.try_wait().context("cannot watch the emulator")? {
                bail!(
                    "the emulator ended while starting ({status}):\n{}",
                    tail(log)
                );
            }
            if http::is_well(&url).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.kill();
        bail!(
            "the emulator did not answer at {url} within {READY_MS_MAX} ms:\n{}",
            tail(log)
        )
    }

    /// Ends the emulator and every function process, at once.
    pub(crate) fn kill(&mut self) {
        signal_group(self.pid, Signal::KILL);
        // The group does not exist before the process has made it; then it is alone and this ends it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends the process group of an emulator that an earlier command started. True if there was one.
pub(crate) fn stop_group(pid: u32) -> bool {
    if !is_emulator(pid) {
        return false;
    }
    signal_group(pid, Signal::TERM);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        if !group_exists(pid) && !is_emulator(pid) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    signal_group(pid, Signal::KILL);
    // One that was interrupted while it started has no group of its own yet.
    if let Some(process) = group(pid).filter(|_| is_emulator(pid)) {
        let _ = kill_process(process, Signal::KILL);
    }
    true
}

/// Whether the process is one that [`Emulator::start`] made, and not a later one with a number used again.
pub(crate) fn is_emulator(pid: u32) -> bool {
    let ours = Path::new("/proc").join(pid.to_string()).join("cmdline");
    match fs::read(ours) {
        Ok(line) => line
            .split(|byte| *byte == 0)
            .any(|argument| argument == MARK.as_bytes()),
        // Systems without /proc cannot tell; the group then counts as ours while it exists.
        Err(_) => !Path::new("/proc/self").exists() && group_exists(pid),
    }
}

/// Where an endpoint tells whether it is well: LocalStack's path, which MiniStack answers too.
pub(crate) fn health_url(endpoint: &str) -> String {
    format!("{endpoint}/_localstack/health")
}

fn group(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn group_exists(pid: u32) -> bool {
    group(pid).is_some_and(|group| test_kill_process_group(group).is_ok())
}

fn signal_group(pid: u32, signal: Signal) {
    if let Some(group) = group(pid) {
        // It fails when the group is gone, which is what the signal is for.
        let _ = kill_process_group(group, signal);
    }
}

fn choose(port: Port) -> Result<u16> {
    let is_free = |port: u16| {
        TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr())
    };
    match port {
        Port::Given(port) => match is_free(port) {
            Ok(_) => Ok(port),
            Err(_) => {
                bail!("port {port} is taken: give another with --port, or none for a free one")
            }
        },
        Port::Usual if is_free(PORT_USUAL).is_ok() => Ok(PORT_USUAL),
        Port::Usual | Port::Free => Ok(is_free(0).context("no port is free")?.port()),
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
