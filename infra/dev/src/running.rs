//! The stack that a checkout has up: what `cargo dev up` starts and `cargo dev down` ends.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::archive;
use crate::cloud::Cloud;
use crate::deploy;
use crate::emulator::{self, Emulator, Lifetime, Port};
use crate::env_file::{self, Variables};
use crate::progress::Step;
use crate::project::Project;
use crate::seed;
use crate::stack::{Emulated, NAME, bring_up, local_parameters};
use crate::state::{self, State};
use crate::tools::{Set, Venv};

/// A stack that is up, as commands see it.
#[derive(Debug)]
pub(crate) struct Running {
    /// The way to it.
    pub(crate) cloud: Cloud,
    /// Its parts.
    pub(crate) variables: Variables,
    /// What is remembered of it.
    pub(crate) state: State,
}

impl Running {
    /// The stack that is up, or an error that says how to get one.
    pub(crate) async fn find(project: &Project) -> Result<Self> {
        match Self::look(project).await? {
            Some(running) => Ok(running),
            None => bail!("no stack is up: `cargo dev up` starts one"),
        }
    }

    /// The stack that is up, if one is.
    pub(crate) async fn look(project: &Project) -> Result<Option<Self>> {
        let Some(state) = State::read(project)? else {
            return Ok(None);
        };
        if state
            .emulator_pid
            .is_some_and(|pid| !emulator::is_emulator(pid))
            || !answers(&state.endpoint).await
        {
            return Ok(None);
        }
        let cloud = cloud_of(&state).await;
        let Some(outputs) = deploy::outputs(&cloud, &state.stack).await? else {
            return Ok(None);
        };
        let variables = env_file::variables(&cloud, &state.stack, &outputs)?;
        Ok(Some(Self {
            cloud,
            variables,
            state,
        }))
    }

    /// The physical name of one of a function's parts: they are all called after stack and function.
    pub(crate) fn name_of(&self, function: &str) -> String {
        format!("{}-{function}", self.state.stack)
    }
}

/// Starts or updates the stack.
pub(crate) async fn up(
    project: &Project,
    port: Option<u16>,
    endpoint: Option<&str>,
) -> Result<Running> {
    let (state, emulated) = match endpoint {
        Some(endpoint) => foreign(project, endpoint).await?,
        None => own(project, port).await?,
    };
    // Written before anything can fail: `down` must find the emulator.
    state.write(project)?;
    let cloud = cloud_of(&state).await;
    let variables = bring_up(project, &cloud, local_parameters(emulated)).await?;
    seed::plant(&cloud, &variables).await?;
    state::replace(&env_path(project), env_file::dotenv(&variables).as_bytes())?;
    Ok(Running {
        cloud,
        variables,
        state,
    })
}

/// Ends the stack and everything that was started for it. False if there was nothing.
pub(crate) async fn down(project: &Project) -> Result<bool> {
    let Some(state) = State::read(project)? else {
        clear(project)?;
        return Ok(false);
    };
    if let Some(pid) = state.emulator_pid {
        let step = Step::start("Stopping the emulator and the functions");
        let was_there = emulator::stop_group(pid);
        step.done(if was_there {
            ""
        } else {
            "they were gone already"
        });
    } else if answers(&state.endpoint).await {
        let step = Step::start(format!(
            "Deleting the stack {} at {}",
            state.stack, state.endpoint
        ));
        let cloud = cloud_of(&state).await;
        deploy::remove(&cloud, &state.stack).await?;
        archive::remove(&cloud, &state.stack).await?;
        step.done("");
    }
    clear(project)?;
    Ok(true)
}

/// The file that names the parts of the stack that is up.
pub(crate) fn env_path(project: &Project) -> PathBuf {
    project.local().join("env")
}

/// Whether an emulator answers.
pub(crate) async fn answers(endpoint: &str) -> bool {
    is_well(&emulator::health_url(endpoint)).await
}

async fn is_well(url: &str) -> bool {
    reqwest::get(url)
        .await
        .is_ok_and(|answer| answer.status().is_success())
}

/// The folder of the emulator that `up` starts.
pub(crate) fn emulator_folder(project: &Project) -> PathBuf {
    project.local().join("emulator")
}

async fn own(project: &Project, port: Option<u16>) -> Result<(State, Emulated)> {
    if let Some(state) = State::read(project)? {
        let alive =
            state.emulator_pid.is_some_and(emulator::is_emulator) && answers(&state.endpoint).await;
        let same_port = port.is_none_or(|port| state.endpoint.ends_with(&format!(":{port}")));
        match (alive, same_port, state.emulator_pid) {
            (true, true, _) => return Ok((state, Emulated::ByMiniStack)),
            (true, false, _) => bail!(
                "a stack is up at {}: `cargo dev down` first",
                state.endpoint
            ),
            (false, _, None) => bail!(
                "the stack at {} is this checkout's: `cargo dev down` first",
                state.endpoint
            ),
            // What is left of an emulator that died, its functions say, must not outlive it.
            (false, _, Some(pid)) => {
                emulator::stop_group(pid);
            }
        }
    }
    let venv = Venv::ensure(project, Set::Emulator)?;
    let port = port.map_or(Port::Usual, Port::Given);
    let emulator =
        Emulator::start(&venv, &emulator_folder(project), port, Lifetime::UntilDown).await?;
    let state = State {
        endpoint: emulator.endpoint,
        stack: NAME.to_owned(),
        emulator_pid: Some(emulator.pid),
    };
    Ok((state, Emulated::ByMiniStack))
}

async fn foreign(project: &Project, endpoint: &str) -> Result<(State, Emulated)> {
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    if let Some(state) = State::read(project)?
        && state.endpoint != endpoint
    {
        bail!(
            "a stack is up at {}: `cargo dev down` first",
            state.endpoint
        );
    }
    if !answers(&endpoint).await {
        bail!(
            "nothing answers at {}: start the emulator there first",
            emulator::health_url(&endpoint)
        );
    }
    let is_ministack = is_well(&format!("{endpoint}/_ministack/health")).await;
    let emulated = if is_ministack {
        Emulated::ByMiniStack
    } else {
        Emulated::BySomethingElse
    };
    let state = State {
        endpoint,
        stack: NAME.to_owned(),
        emulator_pid: None,
    };
    Ok((state, emulated))
}

async fn cloud_of(state: &State) -> Cloud {
    match state.emulator_pid {
        Some(_) => Cloud::at(&state.endpoint).await,
        None => Cloud::with_environment(&state.endpoint).await,
    }
}

fn clear(project: &Project) -> Result<()> {
    state::remove_file(&env_path(project))?;
    State::remove(project)?;
    remove_folder(&emulator_folder(project).join("tmp"))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
