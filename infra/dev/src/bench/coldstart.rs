//! `cargo dev bench coldstart`: how long each function takes from its start to its first request for work.
//!
//! Every function is measured against one that does nothing, in turns: what the machine does besides then falls on
//! both. Absolute times are this machine's; the ratio is what carries over to Lambda.
//!
//! Memory is read after the function has worked on one event and asks for the next: by then it has been through its
//! HTTP client and its JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Coldstart;
use crate::bench::runtime_api::RuntimeApi;
use crate::build::{self, Binary, megabytes};
use crate::cloud::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::package;
use crate::progress::{Step, say};
use crate::project::Project;
use crate::table::Table;

const HELLO: &str = "hello";
const RATIO_MAX: f64 = 4.0;
const ZIP_BYTES_MAX: u64 = 5_000_000;
const MEMORY_BYTES_MAX: u64 = 24_000_000;
/// Where systems keep all certificates in one file; the first is Lambda's.
const BUNDLES: [&str; 3] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
];
const START_MAX: Duration = Duration::from_secs(20);

/// One start of a function.
struct Start {
    took: Duration,
    memory_bytes: u64,
}

/// What a function costs to start.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    function: String,
    median_ms: f64,
    ratio: f64,
    memory_bytes: u64,
    zip_bytes: u64,
    within_limits: bool,
}

/// Builds, measures, reports.
pub(crate) fn run(project: &Project, options: &Coldstart) -> Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("peak memory is read from /proc, so this measures on Linux only");
    }
    let mut functions = project.functions_named(&options.functions)?;
    functions.push(HELLO.to_owned());
    eprintln!("  Building with the release profile (minutes, the first time)");
    let binaries = build::for_host(project, &functions, "release")?;
    let packages = package::all(
        &binaries,
        &project.local().join("packages-release"),
        package::SMALL,
    )?;
    let starts = measure(project, &binaries, options.runs)?;
    let median = |name: &str| {
        median(
            starts[name]
                .iter()
                .map(|start| start.took.as_secs_f64() * 1_000.0),
        )
    };
    let floor = median(HELLO);
    let mut costs = Vec::new();
    for package in &packages {
        let median_ms = median(&package.function);
        let ratio = median_ms / floor;
        let memory = starts[&package.function]
            .iter()
            .map(|start| start.memory_bytes);
        let memory_bytes = memory.max().unwrap_or(0);
        let zip_bytes = std::fs::metadata(&package.path)?.len();
        let within_limits =
            ratio <= RATIO_MAX && zip_bytes < ZIP_BYTES_MAX && memory_bytes < MEMORY_BYTES_MAX;
        let function = package.function.clone();
        costs.push(Cost {
            function,
            median_ms,
            ratio,
            memory_bytes,
            zip_bytes,
            within_limits,
        });
    }
    report(&costs, options)?;
    Ok(if costs.iter().all(|cost| cost.within_limits) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn report(costs: &[Cost], options: &Coldstart) -> Result<()> {
    if options.output.json {
        say!("{:#}", serde_json::to_value(costs)?);
        return Ok(());
    }
    let mut table = Table::new([
        "",
        "function",
        "to first request",
        "of hello",
        "peak memory",
        "package",
    ]);
    for cost in costs {
        table.row([
            if cost.within_limits { "✓" } else { "✗" }.to_owned(),
            cost.function.clone(),
            format!("{:.1} ms", cost.median_ms),
            format!("{:.2} ×", cost.ratio),
            megabytes(cost.memory_bytes),
            megabytes(cost.zip_bytes),
        ]);
    }
    say!("{table}");
    say!(
        "medians of {} starts; limits: {RATIO_MAX} × hello, {} of memory, {} of package",
        options.runs,
        megabytes(MEMORY_BYTES_MAX),
        megabytes(ZIP_BYTES_MAX)
    );
    Ok(())
}

/// Starts every function so many times, in turns.
fn measure(
    project: &Project,
    binaries: &[Binary],
    runs: u32,
) -> Result<BTreeMap<String, Vec<Start>>> {
    let template = std::fs::read_to_string(project.path("infra/cloudformation.json"))
        .context("cannot read infra/cloudformation.json")?;
    let template: Value = serde_json::from_str(&template).context("the template is no JSON")?;
    let api = RuntimeApi::start()?;
    let event = event(project)?;
    let step = Step::counted(
        "Starting each function",
        u64::from(runs) * binaries.len() as u64,
    );
    let mut starts: BTreeMap<String, Vec<Start>> = BTreeMap::new();
    let mut done = 0;
    for _ in 0..runs {
        for binary in binaries {
            step.now(&binary.function);
            let variables = variables(&template, &binary.function, &api.address());
            let start = start(&api, &binary.path, &variables, &event);
            let start = start.with_context(|| format!("while starting {}", binary.function))?;
            starts
                .entry(binary.function.clone())
                .or_default()
                .push(start);
            done += 1;
            step.at(done);
        }
    }
    step.done(format!("{runs} times"));
    Ok(starts)
}

fn start(
    api: &RuntimeApi,
    binary: &Path,
    variables: &BTreeMap<String, String>,
    event: &str,
) -> Result<Start> {
    api.begin(event);
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let polled = api.polled(START_MAX);
    let worked = polled.and_then(|_| api.polled(START_MAX));
    let memory = memory_bytes(&child);
    let said = end(&mut child);
    let Some(polled) = polled else {
        bail!("it asked for no work within {START_MAX:?}: {said}")
    };
    if worked.is_none() {
        bail!("it was not done with one event within {START_MAX:?}: {said}");
    }
    Ok(Start {
        took: polled.duration_since(began),
        memory_bytes: memory?,
    })
}

fn end(child: &mut Child) -> String {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
    }
    said
}

/// The most memory that the process had at any time.
fn memory_bytes(child: &Child) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))
        .context("cannot read the peak memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kilobytes.context("the process has ended")? * 1024)
}

/// One event that has for every trigger what it looks for: a message on a queue with an order that nobody has sealed,
/// a record of a table's stream that no commit can be read from, and a view can, a request with an order, the end of a
/// connection. The functions that check seals refuse it, which takes a call to their dead-letter queue.
fn event(project: &Project) -> Result<String> {
    let path = project.path("events/samples/OrderPlaced.v1.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let order: Value = serde_json::from_str(&text).context("the sample is no JSON")?;
    let message = json!({ "source": "bench", "detail-type": "OrderPlaced", "detail": order });
    let view = json!({ "versions": {}, "view": { "orderId": "bench", "items": [], "story": {} } });
    let event = json!({
        "Records": [{
            "messageId": "bench",
            "receiptHandle": "bench",
            "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1" },
            "body": message.to_string(),
            "eventName": "INSERT",
            "dynamodb": { "SequenceNumber": "1", "NewImage": {
                "e": { "S": "bench" }, "k": { "S": "order@1#bench" }, "b": { "S": view.to_string() },
            } },
        }],
        "version": "2.0",
        "routeKey": "POST /orders",
        "requestContext": { "eventType": "DISCONNECT", "connectionId": "bench" },
        "pathParameters": { "id": "bench" },
        "body": order["data"].to_string(),
        "isBase64Encoded": false,
    });
    Ok(event.to_string())
}

/// The environment that Lambda and the template give a function, with stand-ins for what only a stack knows.
fn variables(template: &Value, function: &str, api: &str) -> BTreeMap<String, String> {
    let endpoint = format!("http://{api}");
    let mut variables: BTreeMap<String, String> = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_ENDPOINT_URL", &endpoint),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    // Debian's folder of certificates has hundreds of files, all of which the TLS library would look at: two
    // milliseconds that a function never spends on Lambda, where there is one file.
    if let Some(bundle) = BUNDLES.iter().find(|path| Path::new(path).is_file()) {
        variables.insert("SSL_CERT_FILE".to_owned(), (*bundle).to_owned());
    }
    let resources = template["Resources"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let own = resources.filter(|resource| {
        let name = resource["Properties"]["FunctionName"].to_string();
        resource["Type"] == "AWS::Lambda::Function" && name.ends_with(&format!("-{function}\"}}"))
    });
    for resource in own {
        let declared = resource["Properties"]["Environment"]["Variables"].as_object();
        for (name, value) in declared.into_iter().flatten() {
            let default = value["Ref"]
                .as_str()
                .and_then(|name| text(&template["Parameters"][name]["Default"]));
            let address = ["_URL", "_ENDPOINT"].iter().any(|end| name.ends_with(end));
            let stand_in = if address {
                endpoint.as_str()
            } else {
                "stand-in"
            };
            let value = text(value).or(default);
            variables.insert(name.clone(), value.unwrap_or_else(|| stand_in.to_owned()));
        }
    }
    variables
}

/// A value as the environment has it, where it is one; numbers are texts there.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The middle one of the values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_starts_with_what_the_template_declares() {
        let template = serde_json::json!({
            "Parameters": { "AttemptsMax": { "Default": "5" }, "UnpaidSeconds": { "Default": 1800 } },
            "Resources": { "ChargePayment": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": { "Fn::Sub": "${AWS::StackName}-charge-payment" },
                    "Environment": { "Variables": {
                        "ATTEMPTS_MAX": { "Ref": "AttemptsMax" },
                        "UNPAID_SECONDS": { "Ref": "UnpaidSeconds" },
                        "EVENTS_TABLE": { "Ref": "EventsTable" },
                        "DEAD_LETTER_QUEUE_URL": { "Ref": "ChargePaymentDeadLetters" }
                    } }
                }
            } }
        });
        let variables = variables(&template, "charge-payment", "127.0.0.1:1");
        assert_eq!(variables["ATTEMPTS_MAX"], "5");
        assert_eq!(variables["UNPAID_SECONDS"], "1800");
        assert_eq!(variables["EVENTS_TABLE"], "stand-in");
        assert_eq!(variables["DEAD_LETTER_QUEUE_URL"], "http://127.0.0.1:1");
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
    }
}
