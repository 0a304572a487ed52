//! A running stack: emulator, functions, buses, tables and seeds.
//!
//! [`Stack::start`] is for tests: each gets an emulator of its own, on a free port, which ends with the test's
//! process however that ends. [`up`] and [`down`] are the long-lived form behind the commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::build::{self, Architecture};
use crate::cloud::Cloud;
use crate::deploy::{self, Deployment};
use crate::emulator::{self, Emulator, Lifetime, Port};
use crate::env_file::{self, Variables};
use crate::package;
use crate::progress::Step;
use crate::project::Project;
use crate::seed;
use crate::state::{self, State};
use crate::tools::{Set, Venv};

const NAME: &str = "event-router";

/// What a stack for a test may differ in.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// Values for parameters of the template, in place of the local defaults.
    pub parameters: BTreeMap<String, String>,
    /// Leaves out stock and customers.
    pub without_seeds: bool,
}

/// A stack that lives as long as this value.
#[derive(Debug)]
pub struct Stack {
    variables: Variables,
    emulator: Emulator,
    folder: PathBuf,
}

impl Stack {
    /// Builds the functions, starts an emulator, deploys and seeds.
    ///
    /// # Errors
    /// Whatever keeps the stack from being up, with what to do about it.
    pub async fn start(options: StackOptions) -> Result<Self> {
        let project = Project::find()?;
        let venv = Venv::ensure(&project, Set::Emulator)?;
        let folder = project.local().join(format!(
            "test-{}-{}",
            std::process::id(),
            uuid::Uuid::now_v7().simple()
        ));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let emulator = Emulator::start(&venv, &folder, Port::Free, Lifetime::WithParent).await?;
        // Held before deploying, so that a failure from here on ends the emulator too.
        let mut stack = Self {
            variables: Variables::new(),
            emulator,
            folder,
        };
        let cloud = Cloud::at(&stack.emulator.endpoint).await;
        let mut parameters = local_parameters(Emulated::ByMiniStack);
        parameters.extend(options.parameters);
        stack.variables = bring_up(&project, &cloud, parameters).await?;
        if !options.without_seeds {
            seed::plant(&cloud, &stack.variables).await?;
        }
        Ok(stack)
    }

    /// The stack's variables, as `.local/env` has them for a stack that is up.
    #[must_use]
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// One of [`Stack::variables`], such as `API_URL`.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn env(&self, name: &str) -> &str {
        self.variables
            .get(name)
            .unwrap_or_else(|| panic!("the stack has no variable {name}"))
    }

    /// Where the emulator answers.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.emulator.endpoint
    }

    /// The emulator's own log, the functions' crashes included.
    #[must_use]
    pub fn emulator_log(&self) -> PathBuf {
        self.folder.join("emulator.log")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.emulator.kill();
        // Kept after a panic: the log may say why.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Which emulator a stack is for; they differ in what they honour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emulated {
    ByMiniStack,
    BySomethingElse,
}

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
        deploy::remove_bucket(&cloud, &state.stack).await?;
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

async fn bring_up(
    project: &Project,
    cloud: &Cloud,
    parameters: BTreeMap<String, String>,
) -> Result<Variables> {
    let functions = project.functions()?;
    eprintln!("  Building the functions");
    let binaries = build::for_host(project, &functions, "dev")?;
    let step = Step::start("Packing the functions");
    let packages = package::all(&binaries, &project.local().join("packages"), package::QUICK)?;
    step.done("");
    let path = project.path("infra/cloudformation.json");
    let template = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    verify_sender(cloud, &parameters).await?;
    let deployment = Deployment {
        cloud,
        stack: NAME,
        template: &template,
        parameters,
    };
    let outputs = deployment.run(&packages).await?;
    env_file::variables(cloud, NAME, &outputs)
}

/// SES sends only for addresses it has verified; an emulator verifies on request.
async fn verify_sender(cloud: &Cloud, parameters: &BTreeMap<String, String>) -> Result<()> {
    let sender = &parameters["EmailSender"];
    match cloud
        .ses()
        .create_email_identity()
        .email_identity(sender)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_already_exists_exception()) =>
        {
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("SES cannot verify {sender}")),
    }
}

/// How a local stack differs from one on AWS.
fn local_parameters(emulated: Emulated) -> BTreeMap<String, String> {
    // MiniStack loses the records behind the first failed one of a partial answer, so the relay fails whole batches.
    let partial = if emulated == Emulated::ByMiniStack {
        "false"
    } else {
        "true"
    };
    [
        ("ApiAuthorization", "NONE"),
        ("Architecture", Architecture::of_host().name()),
        ("EmailSender", "orders@example.com"),
        ("LogRetentionDays", "1"),
        ("RelayPartialBatch", partial),
        ("RelayRecordAgeSeconds", "60"),
        ("Retain", "false"),
        // Long enough for a slow partner, short enough to watch a retry.
        ("VisibilitySeconds", "5"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
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
