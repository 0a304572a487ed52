//! The names under which a stack's parts are known to other programs, as `.local/env` lists them.
//!
//! Values are written without quotes: dotenv readers, shells and `docker --env-file` disagree about those, so no
//! value may need any (the `$` of API Gateway's default stage is written as `%24`).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::cloud::{Cloud, REGION};
use crate::deploy::Outputs;

/// A stack's variables, sorted by name.
pub type Variables = BTreeMap<String, String>;

/// Makes the variables of a stack from its outputs.
pub(crate) fn variables(cloud: &Cloud, stack: &str, outputs: &Outputs) -> Result<Variables> {
    let output = |key: &str| {
        let value = outputs.get(key).cloned();
        value.with_context(|| format!("the stack {stack} has no output {key}: is it an older one? `cargo dev down` removes it"))
    };
    let api = format!(
        "{}/_aws/execute-api/{}/%24default",
        cloud.endpoint,
        output("ApiId")?
    );
    let mut variables: Variables = [
        ("AWS_ENDPOINT_URL", cloud.endpoint.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", cloud.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", cloud.secret_key.clone()),
        ("STACK_NAME", stack.to_owned()),
        ("INBOUND_BUS", output("InboundBus")?),
        ("DOMAIN_BUS", output("DomainBus")?),
        ("EVENTS_TABLE", output("EventsTable")?),
        ("VIEWS_TABLE", output("ViewsTable")?),
        ("CONNECTIONS_TABLE", output("ConnectionsTable")?),
        ("API_URL", api),
        ("SOCKET_URL", output("SocketUrl")?),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (key, value) in outputs {
        if let Some(function) = key.strip_prefix("DeadLetters") {
            variables.insert(
                format!("DLQ_{}", words(function, '_').to_uppercase()),
                value.clone(),
            );
        }
    }
    Ok(variables)
}

/// The variables in dotenv form.
pub(crate) fn dotenv(variables: &Variables) -> String {
    variables
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

/// The dead-letter queues among the variables: function and URL.
pub(crate) fn dead_letter_queues(variables: &Variables) -> Vec<(String, String)> {
    let queues = variables
        .iter()
        .filter_map(|(name, url)| Some((name.strip_prefix("DLQ_")?, url)));
    queues
        .map(|(name, url)| (name.to_lowercase().replace('_', "-"), url.clone()))
        .collect()
}

/// `ReserveInventory` as `Reserve_Inventory`, with any separator.
fn words(pascal: &str, separator: char) -> String {
    let mut text = String::new();
    for letter in pascal.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(separator);
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stack_is_known_by_the_fixed_names() {
        let cloud = Cloud::at("http://localhost:4566/").await;
        let outputs: Outputs = [
            ("InboundBus", "s-inbound"),
            ("DomainBus", "s-domain"),
            ("EventsTable", "s-events"),
            ("ViewsTable", "s-views"),
            ("ConnectionsTable", "s-connections"),
            ("ApiId", "a1b2"),
            (
                "SocketUrl",
                "ws://localhost:4566/_aws/execute-api/c3d4/live",
            ),
            (
                "DeadLettersReserveInventory",
                "http://localhost:4566/000000000000/s-reserve-inventory-dead-letters",
            ),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let variables = variables(&cloud, "s", &outputs).expect("variables");
        assert_eq!(
            dotenv(&variables),
            "API_URL=http://localhost:4566/_aws/execute-api/a1b2/%24default\n\
             AWS_ACCESS_KEY_ID=test\n\
             AWS_DEFAULT_REGION=eu-west-1\n\
             AWS_ENDPOINT_URL=http://localhost:4566\n\
             AWS_REGION=eu-west-1\n\
             AWS_SECRET_ACCESS_KEY=test\n\
             CONNECTIONS_TABLE=s-connections\n\
             DLQ_RESERVE_INVENTORY=http://localhost:4566/000000000000/s-reserve-inventory-dead-letters\n\
             DOMAIN_BUS=s-domain\n\
             EVENTS_TABLE=s-events\n\
             INBOUND_BUS=s-inbound\n\
             SOCKET_URL=ws://localhost:4566/_aws/execute-api/c3d4/live\n\
             STACK_NAME=s\n\
             VIEWS_TABLE=s-views\n"
        );
        assert_eq!(dead_letter_queues(&variables)[0].0, "reserve-inventory");
    }

    #[tokio::test]
    async fn a_missing_output_is_named() {
        let cloud = Cloud::at("http://localhost:4566").await;
        let error = variables(&cloud, "s", &Outputs::new()).expect_err("nothing to make them of");
        assert!(error.to_string().contains("ApiId"), "{error}");
    }
}
