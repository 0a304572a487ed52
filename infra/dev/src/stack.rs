//! A running stack: emulator, functions, buses, tables and seeds.
//!
//! [`Stack::start`] is for tests: each gets an emulator of its own, on a free port, which ends with the test's
//! process however that ends. The long-lived form behind `cargo dev up` shares everything but that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_sesv2::operation::create_email_identity::CreateEmailIdentityError;
use serde_json::Value;

use crate::build::{self, Architecture};
use crate::cloud::Cloud;
use crate::deploy::Deployment;
use crate::emulator::{Emulator, Lifetime, Port};
use crate::env_file::{self, Variables};
use crate::issuer::{Caller, Issuer};
use crate::package;
use crate::processes::Process;
use crate::progress::Step;
use crate::project::Project;
use crate::seed;
use crate::tools::{Set, Venv};

/// What local stacks are called.
pub(crate) const NAME: &str = "event-router";

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
        sweep(&project.local());
        let folder = project.local().join(format!(
            "test-{}-{}",
            std::process::id(),
            uuid::Uuid::now_v7().simple()
        ));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let forget = |_: &Emulator| Ok(());
        let emulator =
            Emulator::start(&venv, &folder, Port::Free, Lifetime::WithParent, forget).await?;
        // Held before deploying, so that a failure from here on ends the emulator too.
        let mut stack = Self {
            variables: Variables::new(),
            emulator,
            folder,
        };
        let cloud = Cloud::at(&stack.emulator.endpoint).await;
        let mut parameters = local_parameters(Emulated::ByMiniStack);
        parameters.extend(options.parameters);
        stack.variables = bring_up(&project, &cloud, Emulated::ByMiniStack, parameters).await?;
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

    /// A token for the HTTP API, valid for some seconds from now, or until some seconds ago.
    ///
    /// # Errors
    /// When the issuer's key cannot be read.
    pub fn token(&self, caller: &Caller, seconds: i64) -> Result<String> {
        let issuer = Issuer::of(&Project::find()?, &self.emulator.endpoint)?;
        Ok(issuer.token(caller, seconds))
    }

    /// Where the emulator answers.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.emulator.endpoint
    }

    /// The instances of its functions that run now.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        Process::of_group(self.emulator.pid)
    }

    /// A token with the claims of a customer's, but for those that are given here: signed by the right key.
    ///
    /// # Errors
    /// When the issuer's key cannot be read.
    pub fn token_with(&self, others: &Value) -> Result<String> {
        let issuer = Issuer::of(&Project::find()?, &self.emulator.endpoint)?;
        Ok(issuer.token_with(others))
    }

    /// Where its files are, until it ends.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
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

/// Builds the functions and deploys them; returns the names of what is there then.
pub(crate) async fn bring_up(
    project: &Project,
    cloud: &Cloud,
    emulated: Emulated,
    mut parameters: BTreeMap<String, String>,
) -> Result<Variables> {
    parameters.insert("ExecuteApiHost".to_owned(), host_of(&cloud.endpoint));
    let functions = project.functions()?;
    eprintln!("  Building the functions");
    let (binaries, folder) = match emulated {
        Emulated::ByMiniStack => (build::for_host(project, &functions, "dev")?, "packages"),
        // In the container that runs a function there are only the libraries that Lambda has.
        Emulated::BySomethingElse => (
            build::for_containers(project, &functions)?,
            "packages-containers",
        ),
    };
    let step = Step::start("Packing the functions");
    let packages = package::all(&binaries, &project.local().join(folder), package::QUICK)?;
    step.done("");
    let path = project.path("infra/cloudformation.json");
    let template = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    verify_sender(cloud, &parameters).await?;
    let issuer = Issuer::of(project, &cloud.endpoint)?;
    issuer.publish(cloud).await?;
    parameters.insert("JwtIssuer".to_owned(), issuer.url().to_owned());
    let deployment = Deployment {
        cloud,
        stack: NAME,
        template: &template,
        parameters,
    };
    let outputs = deployment.run(&packages).await?;
    env_file::variables(cloud, NAME, &outputs)
}

/// Host and port of an address: an emulator has all its APIs under its own.
fn host_of(endpoint: &str) -> String {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, host)| host);
    host.to_owned()
}

/// Removes the folders of stacks whose process was killed. What cannot be removed does no harm.
fn sweep(local: &Path) {
    let is_alive = |process: &str| Path::new("/proc").join(process).exists();
    for entry in std::fs::read_dir(local).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name
            .strip_prefix("test-")
            .and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| Path::new("/proc/self").exists() && !is_alive(process)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Which emulator a stack is for; they differ in what they honour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emulated {
    /// The one that this tool starts.
    ByMiniStack,
    /// LocalStack, or another that is compatible with it.
    BySomethingElse,
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
                .is_some_and(CreateEmailIdentityError::is_already_exists_exception) =>
        {
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("SES cannot verify {sender}")),
    }
}

/// How a local stack differs from one on AWS.
pub(crate) fn local_parameters(emulated: Emulated) -> BTreeMap<String, String> {
    // MiniStack loses the records behind the first failed one of a partial answer, so the relay fails whole batches.
    let partial = if emulated == Emulated::ByMiniStack {
        "false"
    } else {
        "true"
    };
    [
        ("Architecture", Architecture::of_host().name()),
        ("EmailSender", "orders@example.com"),
        ("LogRetentionDays", "1"),
        ("RelayPartialBatch", partial),
        ("Retain", "false"),
        // Long enough for a slow partner, short enough to watch a retry.
        ("VisibilitySeconds", "60"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
