//! The stack that a checkout has up: what `cargo dev up` starts and `cargo dev down` ends.
//!
//! Both hold the checkout's lock meanwhile, so that two that are started at once follow each other.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::archive;
use crate::cloud::Cloud;
use crate::deploy;
use crate::emulator::{self, Emulator, Lifetime, Port};
use crate::env_file::{self, Variables};
use crate::http;
use crate::issuer;
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

/// Whether a stack is up.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is.
    Up(Box<Running>),
    /// It isn't: why, and the command that leads on.
    Down(String),
}

impl Running {
    /// The stack that is up, or an error that says how to get one.
    pub(crate) async fn find(project: &Project) -> Result<Self> {
        match Self::look(project).await? {
            Look::Up(running) => Ok(*running),
            Look::Down(why) => bail!(why),
        }
    }

    /// The stack that is up, if one is.
    pub(crate) async fn look(project: &Project) -> Result<Look> {
        let Some(state) = State::read(project)? else {
            return Ok(Look::Down(
                "no stack is up: `cargo dev up` starts one".to_owned(),
            ));
        };
        if !is_alive(&state).await {
            return Ok(Look::Down(silence(&state)));
        }
        let cloud = cloud_of(&state).await;
        let Some(outputs) = deploy::outputs(&cloud, &state.stack).await? else {
            return Ok(Look::Down(format!(
                "there is no stack {} at {} (yet): `{}` deploys it",
                state.stack,
                state.endpoint,
                command_up(&state)
            )));
        };
        let variables = env_file::variables(&cloud, &state.stack, &outputs)?;
        Ok(Look::Up(Box::new(Self {
            cloud,
            variables,
            state,
        })))
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
    let _lock = state::lock(project)?;
    bring(project, port, endpoint).await
}

/// Starts the stack, or brings the one that is up to what the sources say, wherever it is.
pub(crate) async fn up_again(project: &Project) -> Result<Running> {
    let _lock = state::lock(project)?;
    let foreign = State::read(project)?.filter(|state| state.emulator_pid.is_none());
    let endpoint = foreign.map(|state| state.endpoint);
    bring(project, None, endpoint.as_deref()).await
}

async fn bring(project: &Project, port: Option<u16>, endpoint: Option<&str>) -> Result<Running> {
    let (state, emulated) = match endpoint {
        Some(endpoint) => foreign(project, endpoint).await?,
        None => own(project, port).await?,
    };
    // Written before anything is deployed: `down` must find it.
    state.write(project)?;
    let cloud = cloud_of(&state).await;
    let variables = bring_up(project, &cloud, emulated, local_parameters(emulated)).await?;
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
    let _lock = state::lock(project)?;
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
        issuer::remove(&cloud).await?;
        step.done("");
    } else {
        clear(project)?;
        bail!(
            "nothing answers at {}: the stack {} could not be deleted there and was only forgotten",
            state.endpoint,
            state.stack
        );
    }
    clear(project)?;
    Ok(true)
}

/// The file that names the parts of the stack that is up.
pub(crate) fn env_path(project: &Project) -> PathBuf {
    project.local().join("env")
}

/// Whether an emulator answers.
async fn answers(endpoint: &str) -> bool {
    http::is_well(&emulator::health_url(endpoint)).await
}

/// Whether the emulator of a stack answers, and not another in the place of one that has ended.
async fn is_alive(state: &State) -> bool {
    state.emulator_pid.is_none_or(emulator::is_emulator) && answers(&state.endpoint).await
}

/// What is said of an emulator that should answer and doesn't.
fn silence(state: &State) -> String {
    let State { endpoint, .. } = state;
    let command = command_up(state);
    if state.emulator_pid.is_some() {
        format!("the emulator at {endpoint} does not answer: `{command}` starts it anew")
    } else {
        format!(
            "the emulator at {endpoint} does not answer: start it, then run `{command}`; or forget it with \
             `cargo dev down`"
        )
    }
}

fn command_up(state: &State) -> String {
    match state.emulator_pid {
        Some(_) => "cargo dev up".to_owned(),
        None => format!("cargo dev up --endpoint {}", state.endpoint),
    }
}

/// The folder of the emulator that `up` starts.
pub(crate) fn emulator_folder(project: &Project) -> PathBuf {
    project.local().join("emulator")
}

async fn own(project: &Project, port: Option<u16>) -> Result<(State, Emulated)> {
    if let Some(state) = State::read(project)? {
        let alive = state.emulator_pid.is_some() && is_alive(&state).await;
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
    let folder = emulator_folder(project);
    // Whatever interrupts this command from here on, `down` and the next `up` know the process.
    let remember = |emulator: &Emulator| state_of(emulator).write(project);
    match Emulator::start(&venv, &folder, port, Lifetime::UntilDown, remember).await {
        Ok(emulator) => Ok((state_of(&emulator), Emulated::ByMiniStack)),
        Err(error) => {
            State::remove(project)?;
            Err(error)
        }
    }
}

fn state_of(emulator: &Emulator) -> State {
    State {
        endpoint: emulator.endpoint.clone(),
        stack: NAME.to_owned(),
        emulator_pid: Some(emulator.pid),
    }
}

async fn foreign(project: &Project, endpoint: &str) -> Result<(State, Emulated)> {
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    if let Some(state) = State::read(project)? {
        if state.endpoint != endpoint {
            bail!(
                "a stack is up at {}: `cargo dev down` first",
                state.endpoint
            );
        }
        if !is_alive(&state).await {
            bail!(silence(&state));
        }
    }
    if !answers(&endpoint).await {
        bail!(
            "nothing answers at {}: start the emulator there first",
            emulator::health_url(&endpoint)
        );
    }
    let is_ministack = http::is_well(&format!("{endpoint}/_ministack/health")).await;
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
